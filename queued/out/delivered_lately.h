// delivered_lately.h - DeliveredLately: what was delivered in the last minutes, and what is being delivered. A spool that is killed when a
// next hop has said its 250, and before that is written down, asks for the same again in its next life, and is told instead of a second
// copy being sent. Is not: durable, nor any use when this process is gone as well: then a second copy goes out (RFC 5321 4.5.3.2.6).
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/ipc/sending.h"

namespace ostler::out {

/// One loop.
class DeliveredLately {
 public:
  static constexpr std::size_t kMost = 20'000;
  static constexpr std::chrono::minutes kKept{10};

  void note(const std::string& queueId, const std::string& forwardPath, const ipc::RecipientOutcome& outcome, SteadyTime now) {
    forget(now);
    const Key key{queueId, forwardPath};
    if (outcomes_.insert_or_assign(key, outcome).second) order_.push_back({now, key});
  }
  [[nodiscard]] std::optional<ipc::RecipientOutcome> find(const std::string& queueId, const std::string& forwardPath) const {
    const auto found = outcomes_.find({queueId, forwardPath});
    return found == outcomes_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Until none of its recipients is under way. `request`: the caller's until then.
  [[nodiscard]] Task<void> whenFree(Loop& loop, const ipc::Deliver& request) {
    while (isUnderWay(request)) {
      const auto ended = std::make_shared<Signal>(loop);
      waiting_.push_back(ended);
      const Result<void> told = co_await ended->wait(Deadline::never());
      (void)told;
    }
  }

  /// Its recipients are under way until this goes.
  class UnderWay {
   public:
    UnderWay(DeliveredLately& lately, const ipc::Deliver& request) : lately_(lately) {
      for (const ipc::Recipient& recipient : request.envelope.recipients) keys_.insert({request.queueId, recipient.forwardPath});
      lately_.underWay_.insert(keys_.begin(), keys_.end());
    }
    ~UnderWay() {
      for (const Key& key : keys_) lately_.underWay_.erase(key);
      for (const auto& waiting : std::exchange(lately_.waiting_, {})) waiting->set();
    }
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

   private:
    DeliveredLately& lately_;
    std::set<std::pair<std::string, std::string>> keys_;
  };

 private:
  using Key = std::pair<std::string, std::string>;  ///< queue id, forward-path
  [[nodiscard]] bool isUnderWay(const ipc::Deliver& request) const {
    return std::ranges::any_of(request.envelope.recipients,
                               [&](const ipc::Recipient& recipient) { return underWay_.contains({request.queueId, recipient.forwardPath}); });
  }
  void forget(SteadyTime now) {
    while (!order_.empty() && (order_.size() >= kMost || order_.front().first + kKept < now)) {
      outcomes_.erase(order_.front().second);
      order_.pop_front();
    }
  }
  std::map<Key, ipc::RecipientOutcome> outcomes_;
  std::deque<std::pair<SteadyTime, Key>> order_;
  std::set<Key> underWay_;
  std::vector<std::shared_ptr<Signal>> waiting_;  ///< until something that was under way has ended
};

}  // namespace ostler::out
