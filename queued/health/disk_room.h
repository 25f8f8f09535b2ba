// disk_room.h - have the disks under the mail and the queue room for more? Blocks as statvfs(3) does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::health {

struct DiskRoom {
  std::string folder;
  std::uint64_t freeOctets = 0;  ///< what an unprivileged process may still write
  bool isEnough = true;          ///< false: less than queue.free_space_floor, so that new mail is refused
};

/// Of data_dir and spool_dir. One that cannot be asked is left out.
[[nodiscard]] std::vector<DiskRoom> disksOf(const config::Config& config);

/// What that means, and what is to be done.
inline constexpr const char* kNoRoom = "less than queue.free_space_floor: new mail is refused until there is room";

}  // namespace ostler::health
