// Whatever was said comes back from text and JSON as it was said, and is in Postfix's words as many lines as Postfix has.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/log/format.h"
#include "libmailcore/log/parsed_line.h"
#include "libmailcore/log/postfix_lines.h"

using namespace ostler;
using namespace ostler::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  (void)toPostfix(input, "mail");
  constexpr const char* kEvents[] = {"accepted", "delivered", "deferred", "failed", "refused", "report", "login-failed", "other"};
  const std::string_view event = kEvents[data[0] % std::size(kEvents)];
  std::vector<Field> fields;
  constexpr const char* kKeys[] = {"id", "client", "from", "to", "helo", "reply", "by", "stage"};
  const std::vector<std::string_view> values = split(input, '\0');
  for (std::size_t at = 0; at < std::min(values.size(), std::size(kKeys)); ++at) fields.emplace_back(kKeys[at], values[at]);
  const Line line{fromUnixMillis(0), Level::info, event == "login-failed" ? "smtpd" : "queued/spool", "", event, fields};
  const auto read = parseLine(formatText(line));
  assert(read && read->event == event);
  for (const Field& field : fields) assert(read->at(field.key) == field.value);
  assert(parseLine(formatJson(line)));
  const std::string theirs = toPostfix(formatText(line), "mail");
  const auto lines = std::count(theirs.begin(), theirs.end(), '\n');
  // One says who brought it: a client, or a user of this machine; our own reports nobody.
  assert(event == "accepted" ? lines == 2 || lines == 3 : lines == (event == "other" ? 0 : 1));
  return 0;
}
