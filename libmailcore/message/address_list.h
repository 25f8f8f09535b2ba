// address_list.h - the addresses of a header: mailboxes and groups.
// Is not: the paths of an envelope; see smtp/path.h.
// RFC 5322 3.4 and 4.4 (obsolete forms), RFC 6532 3.2 (UTF-8), RFC 6854 (groups anywhere).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ostler::message {

struct Mailbox {
  std::string displayName;  ///< phrase or trailing comment without its quotes; encoded-words stay: decodeEncodedWords()
  std::string localPart;    ///< without quotes: `"a b"@x` gives `a b`
  std::string domain;       ///< as written, brackets of a literal included; empty when there is none
  std::string route;        ///< obsolete source route as written, `@a,@b`: RFC 5322 4.4
  /// `localPart@domain`, local part quoted where it must be; the local part alone without a domain.
  [[nodiscard]] std::string address() const;
  bool operator==(const Mailbox&) const = default;
};

struct Group {
  std::string displayName;
  std::vector<Mailbox> members;
  bool operator==(const Group&) const = default;
};

using Address = std::variant<Mailbox, Group>;
using AddressList = std::vector<Address>;

/// Reads a raw field value (folds allowed). Never fails: what is broken is read as far as it makes sense. Linear.
[[nodiscard]] AddressList parseAddressList(std::string_view raw);
/// All mailboxes, those in groups included, in order.
[[nodiscard]] std::vector<Mailbox> mailboxesOf(const AddressList& list);

/// Whether a header may hold UTF-8 (RFC 6532) or has to be ASCII with encoded-words (RFC 2047).
enum class HeaderCharset { ascii, utf8 };

/// With correct quoting. A display name that is not ASCII becomes encoded-words under HeaderCharset::ascii.
[[nodiscard]] std::string writeMailbox(const Mailbox& mailbox, HeaderCharset charset = HeaderCharset::ascii);
/// Comma separated, folded behind the commas where a line would pass 78 octets. `column`: octets already on the first
/// line.
[[nodiscard]] std::string writeAddressList(const AddressList& list, std::size_t column = 0,
                                           HeaderCharset charset = HeaderCharset::ascii);

}  // namespace ostler::message
