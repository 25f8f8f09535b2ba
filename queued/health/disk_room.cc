#include "queued/health/disk_room.h"

#include <sys/statvfs.h>

namespace ostler::health {

std::vector<DiskRoom> disksOf(const config::Config& config) {
  std::vector<DiskRoom> rooms;
  for (const std::string& folder : {config.dataDir, config.spoolRoot()}) {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) continue;
    const std::uint64_t free = disk.f_bavail * disk.f_frsize;
    rooms.push_back({folder, free, free >= config.queue.freeSpaceFloor});
  }
  return rooms;
}

}  // namespace ostler::health
