#include "libmailcore/smtp/verdict.h"

#include <array>

namespace ostler::smtp {
namespace {

struct Rule {
  int from;
  int to;
  std::string_view enhanced;  ///< how it begins; empty: any, or none
  Verdict verdict;
  std::string_view words;
};

// Too many recipients is a matter of this transaction: the rest goes in the next one.
constexpr std::string_view kTooMany = "552 for too many recipients counts as 452 (RFC 5321 4.5.3.1.10)";

constexpr std::array kRules = {
    Rule{552, 552, "5.5.3", Verdict::deferred, kTooMany},
    // 521 and 556 too: the host is none for mail, and will not be one tomorrow.
    Rule{500, 599, "5.3.2", Verdict::failed, "a host that takes no mail is final (RFC 7504 4)"},
    Rule{500, 599, "4.", Verdict::failed, "5yz is final, though its enhanced code is temporary (RFC 5321 4.2.1)"},
    Rule{400, 499, "5.", Verdict::deferred, "4yz is temporary, though its enhanced code is final (RFC 5321 4.2.1)"},
    Rule{200, 299, "", Verdict::delivered, "2yz is success (RFC 5321 4.2.1)"},
    Rule{400, 499, "", Verdict::deferred, "4yz is temporary (RFC 5321 4.2.1)"},
    Rule{500, 599, "", Verdict::failed, "5yz is final (RFC 5321 4.2.1)"},
};

}  // namespace

Judgement judge(int code, std::string_view enhanced) {
  for (const Rule& rule : kRules) {
    if (code >= rule.from && code <= rule.to && enhanced.starts_with(rule.enhanced)) return {rule.verdict, rule.words};
  }
  return {Verdict::deferred, "what is none of 2yz, 4yz and 5yz says nothing: temporary"};
}

// A full mailbox says 552, too: that is seen when it is the first of its transaction, and has an enhanced code mostly (5.2.2).
Judgement judgeAfterOthers(int code, std::string_view enhanced) {
  return code == 552 && enhanced.empty() ? Judgement{Verdict::deferred, kTooMany} : judge(code, enhanced);
}

}  // namespace ostler::smtp
