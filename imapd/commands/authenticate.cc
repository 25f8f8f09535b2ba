// AUTHENTICATE mechanism [initial-response]. RFC 9051 6.2.2; RFC 4959.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"

#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::authenticate(Invocation call) {
  Reader& in = call.in;
  in.space();
  std::string mechanism = in.word();
  std::optional<std::string> initial;
  if (in.accept(' ')) {
    initial = std::string(in.rest());
    if (initial->empty()) in.fail("Initial response is missing");
  }
  if (in.failed()) co_return badSyntax(in);
  const std::vector<std::string> offered = mechanisms();
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end()) {
    if (!secure() && (mechanism == "PLAIN" || mechanism == "LOGIN")) co_return refusedInClearText();
    mechanism_ = printable(mechanism, 40);
    loginName_.clear();
    tellFailedLogin("mechanism not offered");
    co_return Reply::no("CANNOT", "That mechanism is not offered");
  }
  if (initial == "=") {
    initial = "";
  } else if (initial) {
    const Result<std::string> decoded = decodeBase64(*initial);
    if (!decoded) {
      mechanism_ = mechanism;
      loginName_.clear();
      tellFailedLogin("bad base64");
      co_return Reply::bad("Initial response is not base64");
    }
    initial = *decoded;
  }
  const Reply reply = co_await logIn(std::move(mechanism), std::move(initial));
  co_return reply;
}

}  // namespace ostler::imap
