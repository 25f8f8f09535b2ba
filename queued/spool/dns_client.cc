#include "queued/spool/dns_client.h"

namespace ostler::spool {
namespace {

constexpr std::chrono::seconds kAnswerTime{10};  // less than smtpd's for us
constexpr std::chrono::seconds kKept{60};
constexpr std::size_t kMostAnswers = 50'000;

std::string keyOf(ipc::LookUp::What what, const std::string& text) { return std::to_string(static_cast<unsigned>(what)) + text; }

}  // namespace

void DnsClient::begin(ipc::LookUp::What what, const std::string& text) {
  std::string key = keyOf(what, text);
  const auto found = kept_.find(key);
  const bool isKept = found != kept_.end() && found->second.until > std::chrono::steady_clock::now();
  if (text.empty() || isKept || asked_.contains(key)) return;
  asked_[key];
  ipc::LookUp question;
  question.what = what;
  question.text = text;
  questions_.spawn(askOut(std::move(question), std::move(key)));
}

Task<void> DnsClient::askOut(ipc::LookUp question, std::string key) {
  const Result<ipc::LookedUp> answer = co_await client_.call(std::move(question), Deadline::after(kAnswerTime));
  if (kept_.size() >= kMostAnswers) kept_.clear();
  kept_.erase(key);
  if (answer && answer->state != ipc::LookedUp::State::later) kept_[key] = {*answer, std::chrono::steady_clock::now() + kKept};
  const auto waiting = asked_.extract(key);
  for (const std::shared_ptr<Signal>& one : waiting.mapped()) one->set();
}

Task<ipc::LookedUp> DnsClient::ask(ipc::LookUp::What what, std::string text) {
  if (text.empty()) co_return ipc::LookedUp{ipc::LookedUp::State::no, ""};
  begin(what, text);
  const std::string key = keyOf(what, text);
  if (const auto asked = asked_.find(key); asked != asked_.end()) {
    const auto answered = std::make_shared<Signal>(loop_);
    asked->second.push_back(answered);
    const Result<void> woken = co_await answered->wait(Deadline::after(kAnswerTime));
    (void)woken;
  }
  const auto found = kept_.find(key);
  co_return found == kept_.end() ? ipc::LookedUp{} : found->second.answer;
}

}  // namespace ostler::spool
