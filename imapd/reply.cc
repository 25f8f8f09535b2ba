#include "imapd/reply.h"

#include <array>

namespace ostler::imap {

void appendReply(std::string& out, std::string_view tag, const Reply& reply) {
  static constexpr std::array<std::string_view, 3> kWords = {" OK ", " NO ", " BAD "};
  out += tag;
  out += kWords[static_cast<std::size_t>(reply.kind)];
  if (!reply.code.empty()) {
    out += '[';
    out += reply.code;
    out += "] ";
  }
  out += reply.text;
  out += "\r\n";
}

Reply statusFor(const Error& error) {
  switch (error.kind) {
    case Error::Kind::syntax:
      return Reply::no("CANNOT", "That name or value is not allowed");
    case Error::Kind::limit:
      return Reply::no("OVERQUOTA", "Over quota or beyond a limit");
    case Error::Kind::notFound:
      return Reply::no("NONEXISTENT", "No such mailbox");
    case Error::Kind::exists:
      return Reply::no("ALREADYEXISTS", "It exists already");
    case Error::Kind::denied:
      return Reply::no("NOPERM", "Not permitted");
    case Error::Kind::permanent:
      return Reply::no("CORRUPTION", "Internal error; the administrator finds more in the log");
    case Error::Kind::temporary:
    case Error::Kind::timeout:
    case Error::Kind::closed:
    case Error::Kind::interrupted:
    case Error::Kind::outcomeUnknown:
      break;
  }
  return Reply::no("UNAVAILABLE", "Not possible now, try again later");
}

Reply badSyntax(const Reader& in) {
  if (in.error().kind == Error::Kind::limit) return Reply::no("LIMIT", in.error().detail);
  return Reply::bad(in.error().detail);
}

}  // namespace ostler::imap
