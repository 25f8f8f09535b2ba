// rebuild.h - the index made from the log alone, in an index file of its own; comparing it with the one in use.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libmailcore/journal/replay.h"
#include "libmailcore/store/local/index.h"

namespace ostler::store::local {

struct Rebuilt {
  std::shared_ptr<Index> index;
  std::vector<journal::Damage> damage;
};

/// Replays the log into a new index at `path`, from the latest whole snapshot or from the start. Throws IndexFailure.
[[nodiscard]] Rebuilt rebuildInto(const std::string& path, int logFolder);

/// Calls for every pair of the index, in order.
void eachPair(const Txn& txn, const std::function<void(Table, std::string_view key, std::string_view value)>& each);
/// Number of pairs that are in one alone or differ.
[[nodiscard]] std::uint64_t differences(const Txn& left, const Txn& right);
/// Makes `to` say what `from` says.
void copyAll(const Txn& from, Txn& to);

/// In a snapshot: rows of table mail without the prepared columns, which are made anew from the content.
inline constexpr std::uint8_t kStrippedMail = 3;

}  // namespace ostler::store::local
