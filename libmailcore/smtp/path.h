// path.h - the addresses of an envelope: ReversePath and ForwardPath.
// Is not: header addresses with display names and groups; see message/address_list.h.
// RFC 5321 4.1.2 (grammar), 4.1.3 (address literals), 4.5.3.1 (sizes); RFC 6531 3.3 (SMTPUTF8).
// Source routes are read and dropped (RFC 5321 C).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::smtp {

/// local-part "@" domain. The local part is kept without its quotes, so that two ways to write one mailbox compare equal.
struct Mailbox {
  std::string localPart;  ///< UTF-8; quoted again by text() where the grammar wants it
  std::string domain;     ///< as it was given; an address literal with its brackets

  /// As it stands in a path: `alice@example.test`, `"a b"@example.test`.
  [[nodiscard]] std::string text() const;
  /// False: it needs SMTPUTF8 (RFC 6531 3.3).
  [[nodiscard]] bool isAscii() const;
  bool operator==(const Mailbox&) const = default;
};

/// The whole of `text` as a Mailbox. Errors: syntax, limit (local part or domain longer than 255 octets).
[[nodiscard]] Result<Mailbox> parseMailbox(std::string_view text);
[[nodiscard]] bool isDomain(std::string_view text);          ///< RFC 5321 4.1.2 Domain, U-labels included (RFC 6531 3.3)
[[nodiscard]] bool isAddressLiteral(std::string_view text);  ///< "[192.0.2.1]", "[IPv6:2001:db8::1]": RFC 5321 4.1.3

/// Where failures are reported to. The null path `<>` belongs to reports themselves.
class ReversePath {
 public:
  ReversePath() = default;  ///< <>
  explicit ReversePath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}
  [[nodiscard]] bool isNull() const { return !mailbox_; }
  /// REQUIRES: not null.
  [[nodiscard]] const Mailbox& mailbox() const { return *mailbox_; }
  [[nodiscard]] bool isAscii() const { return !mailbox_ || mailbox_->isAscii(); }
  [[nodiscard]] std::string text() const { return mailbox_ ? mailbox_->text() : std::string(); }  ///< without <>
  bool operator==(const ReversePath&) const = default;

 private:
  std::optional<Mailbox> mailbox_;
};

/// Where the message is to go. Its domain is empty for a bare `<postmaster>` alone (RFC 5321 4.1.1.3, 4.5.1).
class ForwardPath {
 public:
  explicit ForwardPath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}
  [[nodiscard]] const Mailbox& mailbox() const { return mailbox_; }
  [[nodiscard]] bool isBarePostmaster() const { return mailbox_.domain.empty(); }
  [[nodiscard]] bool isAscii() const { return mailbox_.isAscii(); }
  [[nodiscard]] std::string text() const { return mailbox_.text(); }  ///< without <>
  bool operator==(const ForwardPath&) const = default;

 private:
  Mailbox mailbox_;
};

/// An address as programs of this machine name it, with or without brackets, as it stands in a path. A local part alone stays one.
/// Errors: as parseMailbox.
[[nodiscard]] Result<std::string> parsePlainPath(std::string_view text);

/// A path at the front of a command's argument, and what follows it.
template <class Path>
struct ParsedPath {
  Path path;
  std::string_view rest;
};
/// `<alice@example.test> SIZE=100`. `domainForBare`: of a local part alone; empty: that is an error. Errors: as parseMailbox.
[[nodiscard]] Result<ParsedPath<ReversePath>> parseReversePath(std::string_view text, std::string_view domainForBare = {});
[[nodiscard]] Result<ParsedPath<ForwardPath>> parseForwardPath(std::string_view text, std::string_view domainForBare = {});

}  // namespace ostler::smtp
