// exchange.h - mail to and from other programs' files: Maildir (with Maildir++ folders) and mbox (mboxrd).
// Line ends are LF there and CRLF here. Blocks.
// RFC 4155 A (the default mbox format).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/store/store.h"

namespace ostler::store {

struct ForeignMessage {
  std::string folder;        ///< Maildir++: "Sent", "a/b"; empty: the INBOX of the tree, or an mbox
  std::string content;       ///< CRLF
  std::uint64_t flags = 0;   ///< Flags::kSeen ...
  std::int64_t date = 0;     ///< Unix seconds
};
using EachForeign = std::function<Result<void>(ForeignMessage message)>;

/// Every message of cur/ and new/, of the folder and of its Maildir++ folders, in the order of their names. Errors: notFound (no
/// Maildir), temporary; those of `each` end it.
[[nodiscard]] Result<void> readMaildir(const std::string& path, const EachForeign& each);
/// Every message of the file. Errors: notFound; syntax (does not begin with a From line).
[[nodiscard]] Result<void> readMbox(const std::string& path, const EachForeign& each);

/// The end of a Maildir file's name for these flags: ":2,RS".
[[nodiscard]] std::string maildirInfo(std::uint64_t flags);
[[nodiscard]] std::uint64_t maildirFlags(std::string_view fileName);
/// The message as a piece of an mbox: From line, quoted lines, an empty line.
[[nodiscard]] std::string mboxPiece(std::string_view content, std::int64_t date);
[[nodiscard]] std::string withCrlf(std::string_view text);
[[nodiscard]] std::string withLf(std::string_view text);

}  // namespace ostler::store
