// badmail.h - badmail/: what can be neither delivered nor returned. Two files a message: NAME, its octets with the envelope in
// front as in pickup/, so that moving it there sends it again; NAME.txt, the reason and what happened before. Blocking: call from a pool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/units.h"
#include "queued/spool/records.h"

namespace ostler::spool {

struct BadmailEntry {
  std::string name;
  std::uint64_t size = 0;
  WallTime since;
  std::string reason;  ///< the first line of NAME.txt
};

/// A message's name there. Those of its recipients that fail later have a file of their own.
[[nodiscard]] std::string badmailName(const MessageRecord& record, const std::vector<std::uint32_t>& which);
/// "X-Sender: ..." and an "X-Receiver: ..." for each recipient that `which` names: what pickup/ takes for the envelope.
[[nodiscard]] std::string envelopeFields(const MessageRecord& record, const std::vector<std::uint32_t>& which);
/// Writes both files, the reason first. Errors: limit, temporary, permanent.
[[nodiscard]] Result<void> writeBadmail(const std::string& folder, const std::string& name, const std::string& reason,
                                        const std::vector<std::string_view>& octets);

/// Of all these folders: the suite's and virtual servers' own. Oldest first.
[[nodiscard]] std::vector<BadmailEntry> listBadmail(const std::vector<std::string>& folders);
/// The one of the folders that has it; else the first.
[[nodiscard]] std::string folderOfBadmail(const std::vector<std::string>& folders, const std::string& name);
/// The reason and then the message's first `most` octets. Errors: notFound, temporary.
[[nodiscard]] Result<std::string> readBadmail(const std::string& folder, const std::string& name, std::uint64_t most);
/// Moves the message to another folder of the spool. Errors: notFound, temporary.
[[nodiscard]] Result<void> moveBadmail(const std::string& folder, const std::string& name, const std::string& to);
/// Removes those named, or, with `all`, those that came before `before`. How many went.
std::size_t purgeBadmail(const std::string& folder, const std::vector<std::string>& names, bool all, WallTime before);
/// Removes what is older than `keep` (0: any age), then the oldest until the rest is not larger than `size` (0: any size).
std::size_t limitBadmail(const std::string& folder, WallTime now, std::chrono::seconds keep, ByteCount size);

}  // namespace ostler::spool
