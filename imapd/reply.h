// reply.h - the tagged answer to a command, and the one place that turns an Error into IMAP's words.
// RFC 9051 7.1 (OK, NO, BAD, response codes); RFC 5530 (codes).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

#include "imapd/grammar/reader.h"

namespace ostler::imap {

struct Reply {
  enum class Kind { ok, no, bad };
  Kind kind = Kind::ok;
  std::string code;  ///< without brackets: "READ-ONLY"; empty: none
  std::string text;

  [[nodiscard]] static Reply ok(std::string text) { return {Kind::ok, "", std::move(text)}; }
  [[nodiscard]] static Reply okWith(std::string code, std::string text) {
    return {Kind::ok, std::move(code), std::move(text)};
  }
  [[nodiscard]] static Reply no(std::string code, std::string text) {
    return {Kind::no, std::move(code), std::move(text)};
  }
  [[nodiscard]] static Reply bad(std::string text) { return {Kind::bad, "", std::move(text)}; }
};

/// `a1 OK [READ-ONLY] Done` CRLF.
void appendReply(std::string& out, std::string_view tag, const Reply& reply);

/// What the store, auth and the network say, in IMAP's words. Its detail stays here.
[[nodiscard]] Reply statusFor(const Error& error);
/// A command that is not of the grammar: the reader's words were made for the client. REQUIRES: in.failed().
[[nodiscard]] Reply badSyntax(const Reader& in);

}  // namespace ostler::imap
