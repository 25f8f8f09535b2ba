// reply.h - an SMTP or LMTP reply: how a server writes it and how a client reads it.
// RFC 5321 4.2 (form), RFC 2034 4 (enhanced codes), RFC 2033 4.2 (LMTP has the same form).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::smtp {

struct Reply {
  int code = 250;
  std::string enhanced;  ///< "2.1.5"; empty where there is none: greeting, EHLO, 334, 354
  std::string text;      ///< lines separated by \n
  bool isOurs = false;   ///< of a client: its own verdict, which no server said

  [[nodiscard]] bool isPositive() const { return code >= 200 && code < 400; }  ///< 354 and 334 included
  [[nodiscard]] bool isTransient() const { return code >= 400 && code < 500; }
  [[nodiscard]] bool isPermanent() const { return code >= 500; }
  /// One line for logs and reports: "550 5.1.1 No such user"
  [[nodiscard]] std::string oneLine() const;
  bool operator==(const Reply&) const = default;
};

/// As it goes over the wire, each line with code and enhanced code, CRLF at the end. Control characters in the text become
/// "?", so that nothing in a text can end a line or begin another reply; lines are cut at 512 octets (RFC 5321 4.5.3.1.5).
[[nodiscard]] std::string format(const Reply& reply);

/// Puts a reply together from the lines of a server.
class ReplyReader {
 public:
  /// A line without its line end. True: it was the last, take() has the reply. Errors: syntax (no code, codes differ),
  /// limit (more than 200 lines or 64 KiB: what a hostile server would send).
  [[nodiscard]] Result<bool> add(std::string_view line);
  /// The reply; begins anew. REQUIRES: add() returned true.
  [[nodiscard]] Reply take();

 private:
  Reply reply_{0, "", ""};
  std::size_t lines_ = 0;
};

}  // namespace ostler::smtp
