// scram_fuzz.cc - messages of SCRAM: what parses, parses again from its own pieces; a server fed with anything never
// succeeds.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/sasl/mechanism.h"
#include "libmailcore/sasl/scram_message.h"

using namespace ostler::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto first = parseClientFirst(input)) {
    assert(first->gs2Header + first->bare == input);
    assert(decodeSaslName(encodeSaslName(first->user)).value() == first->user);
  }
  if (const auto final = parseClientFinal(input))
    assert(input.substr(0, final->withoutProof.size()) == final->withoutProof);
  const std::size_t middle = input.find('\n');
  for (const MechanismInfo& row : allMechanisms()) {
    Context context;
    context.tlsExporter = "exporter";
    const auto server = row.make(context);
    Step step = server->start(input.substr(0, middle));
    if (std::holds_alternative<FindVerifiers>(step)) step = server->verifiersFound(nullptr);
    if (std::holds_alternative<Challenge>(step) && middle != input.npos)
      step = server->response(input.substr(middle + 1));
    if (std::holds_alternative<FindVerifiers>(step)) step = server->verifiersFound(nullptr);
    assert(!std::holds_alternative<Succeeded>(step));
  }
  return 0;
}
