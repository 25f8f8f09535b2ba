// answer_cache.h - answers by name and type until their TTL ends, shared by all loops of a process. RFC 1034 3.6, RFC 8767.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "libmailcore/base/clock.h"
#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

/// Any thread. Bounded: the entry that was used longest ago makes room.
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t most = 20'000) : most_(most) {}

  /// An answer whose TTL has not ended, with what is left of it.
  [[nodiscard]] std::optional<Answer> find(const std::string& name, Type type, SteadyTime now);
  /// An answer whose TTL ended at most a day ago, marked expired: for when no server answers. RFC 8767 5.
  [[nodiscard]] std::optional<Answer> findExpired(const std::string& name, Type type, SteadyTime now);
  /// Keeps what the DNS said. Bogus answers and failures are not kept.
  void put(const std::string& name, Type type, const Answer& answer, SteadyTime now);

 private:
  using Key = std::pair<std::string, Type>;
  struct Entry {
    Answer answer;
    SteadyTime until;
    std::list<Key>::iterator use;
  };
  std::mutex mutex_;
  std::size_t most_;
  std::map<Key, Entry> entries_;
  std::list<Key> uses_;  // the latest first
};

}  // namespace ostler::dns
