#include "libmailcore/dns/answer_cache.h"

#include <algorithm>

namespace ostler::dns {
namespace {
constexpr std::chrono::hours kServeExpiredFor{24};    // RFC 8767 5: between one and three days
constexpr std::chrono::seconds kExpiredTtl{30};       // RFC 8767 4
}  // namespace

std::optional<Answer> AnswerCache::find(const std::string& name, Type type, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find({name, type});
  if (at == entries_.end() || at->second.until <= now) return std::nullopt;
  uses_.splice(uses_.begin(), uses_, at->second.use);
  Answer answer = at->second.answer;
  answer.ttl = std::chrono::duration_cast<std::chrono::seconds>(at->second.until - now);
  return answer;
}

std::optional<Answer> AnswerCache::findExpired(const std::string& name, Type type, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find({name, type});
  if (at == entries_.end() || at->second.until + kServeExpiredFor <= now) return std::nullopt;
  Answer answer = at->second.answer;
  answer.expired = true;
  answer.ttl = kExpiredTtl;
  return answer;
}

void AnswerCache::put(const std::string& name, Type type, const Answer& answer, SteadyTime now) {
  if (!answer.found() && !answer.absent()) return;
  const std::lock_guard lock(mutex_);
  const Key key{name, type};
  const SteadyTime until = now + answer.ttl;
  if (const auto at = entries_.find(key); at != entries_.end()) {
    at->second.answer = answer;
    at->second.until = until;
    uses_.splice(uses_.begin(), uses_, at->second.use);
    return;
  }
  if (entries_.size() >= most_ && !uses_.empty()) {
    entries_.erase(uses_.back());
    uses_.pop_back();
  }
  uses_.push_front(key);
  entries_.emplace(key, Entry{answer, until, uses_.begin()});
}

}  // namespace ostler::dns
