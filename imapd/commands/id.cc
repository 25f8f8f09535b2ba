// ID: who the programs at both ends are. RFC 2971 3.1, 3.2.
#include "libmailcore/base/ascii.h"

#include "imapd/session.h"

namespace ostler::imap {
namespace {

constexpr std::size_t kMaxFields = 30;

// id-params-list = "(" *(string SP nstring) ")" / nil. The result is for the log.
std::string readClientId(Reader& in) {
  std::string text;
  if (in.acceptWord("NIL")) return text;
  in.expect('(');
  if (in.accept(')')) return text;
  std::size_t fields = 0;
  do {
    if (++fields > kMaxFields) in.fail("Too many fields", Error::Kind::limit);
    const std::string name = in.string();
    in.space();
    const auto value = in.nstring();
    if (!text.empty()) text += ' ';
    text += printable(name, 30) + "=" + printable(value.value_or("NIL"), 100);
  } while (in.accept(' '));
  in.expect(')');
  return text;
}

}  // namespace

Task<Reply> Session::id(Invocation call) {
  call.in.space();
  const std::string client = readClientId(call.in);
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  worker_.log.debug("client-id", {{"session", sessionId_.text()}, {"id", client}});
  write("* ID (\"name\" \"Ostler\" \"version\" \"" OSTLER_VERSION "\")\r\n");
  co_return Reply::ok("ID completed");
}

}  // namespace ostler::imap
