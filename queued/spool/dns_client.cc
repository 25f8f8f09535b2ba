#include "queued/spool/dns_client.h"

namespace ostler::spool {
namespace {

constexpr std::chrono::seconds kPatience{10};  // less than smtpd's for us
constexpr std::chrono::seconds kKept{60};
constexpr std::size_t kMostKept = 50'000;

}  // namespace

Task<ipc::LookedUp> DnsClient::ask(ipc::LookUp::What what, std::string text) {
  const std::string key = std::to_string(static_cast<unsigned>(what)) + text;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (const auto found = kept_.find(key); found != kept_.end() && found->second.until > now) co_return found->second.answer;
  if (text.empty()) co_return ipc::LookedUp{ipc::LookedUp::State::no, ""};
  ipc::LookUp question;
  question.what = what;
  question.text = std::move(text);
  const Result<ipc::LookedUp> answer = co_await client_.call(std::move(question), Deadline::after(kPatience));
  if (!answer || answer->state == ipc::LookedUp::State::later) co_return ipc::LookedUp{};
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_.insert_or_assign(key, Kept{*answer, now + kKept});
  co_return *answer;
}

}  // namespace ostler::spool
