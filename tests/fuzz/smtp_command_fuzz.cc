// Commands, paths, parameters, replies: what was read is written, and reads as the same again.
#include <cassert>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/command.h"
#include "libmailcore/smtp/enhanced_status.h"
#include "libmailcore/smtp/reply.h"
#include "libmailcore/smtp/xtext.h"

using namespace ostler;
using namespace ostler::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto mail = parseMail(input)) {
    const std::string again = "FROM:<" + mail->path.text() + ">" + format(mail->parameters);
    const auto second = parseMail(again);
    assert(second && second->path == mail->path && second->parameters == mail->parameters);
    assert(again.find('\n') == std::string::npos && again.find('\r') == std::string::npos);
  }
  if (const auto rcpt = parseRcpt(input)) {
    const auto second = parseRcpt("TO:<" + rcpt->path.text() + ">" + format(rcpt->parameters));
    assert(second && second->path == rcpt->path);
    // A long ORCPT grows when it is encoded anew, and may then be longer than allowed.
    if (format(rcpt->parameters).size() < 500) assert(second->parameters == rcpt->parameters);
  }
  if (const auto bdat = parseBdat(input)) assert(parseBdat(std::to_string(bdat->size))->size == bdat->size);
  if (const auto auth = parseAuth(input)) assert(auth->mechanism == asciiUpper(auth->mechanism));
  if (const auto helo = parseHelo(input)) assert(isAllAscii(*helo) && helo->find(' ') == std::string::npos);
  if (const auto text = decodeXtext(input)) assert(decodeXtext(encodeXtext(*text)).value() == *text);
  assert(decodeXtext(encodeXtext(input)).value() == input);
  if (const auto text = decodeUtf8Address(input)) {
    assert(isValidUtf8(*text));
    assert(decodeUtf8Address(encodeUtf8AddressXtext(*text).value()).value() == *text);
  }
  if (const auto status = EnhancedStatus::parse(input)) assert(status->text() == input);

  ReplyReader reader;
  const Reply reply{550, "5.1.1", std::string(input.substr(0, 400))};
  Result<bool> last = false;
  const std::string wire = format(reply);
  for (const std::string_view line : split(wire, '\n')) {
    if (line.empty()) break;
    assert(line.back() == '\r');
    last = reader.add(line.substr(0, line.size() - 1));
    if (!last) break;
  }
  assert(!last || (*last && reader.take().code == 550));
  return 0;
}
