// verdict.h - what a remote server's reply means for a recipient, and the rule that says so. Pure.
// Is not: what is done about it (the schedule), nor replies of our own.
#pragma once

#include <string_view>

namespace ostler::smtp {

enum class Verdict { delivered, deferred, failed };

struct Judgement {
  Verdict verdict = Verdict::deferred;
  std::string_view rule;  ///< for people: "5yz is final (RFC 5321 4.2.1)"
};

/// `enhanced`: "5.1.1", or empty. The first rule of the table that fits.
[[nodiscard]] Judgement judge(int code, std::string_view enhanced);
/// The same of a reply to RCPT in a transaction in which others were taken before.
[[nodiscard]] Judgement judgeAfterOthers(int code, std::string_view enhanced);

}  // namespace ostler::smtp
