// under_way.h - UnderWay: which messages role out has, in a small file, so that the next life of a spool that was killed can tell of them:
// their next hop may have them although no outcome says so. RFC 5321 4.5.3.2.6. Is not: synced; a kill loses nothing that was written,
// and of a power cut it knows what the kernel had on disk.
//
//   file = 32 octets a place: id(16) began(8, milliseconds) zeroes(8)     ; a null id: free
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

/// One loop. What cannot be written is not told of later; nothing else depends on it.
class UnderWay {
 public:
  struct Attempt {
    Id128 message;
    WallTime began{};
    template <class V>
    void fields(V& v) {
      v(message, began);
    }
  };
  /// `path`: made when it is not there.
  explicit UnderWay(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    struct stat status {};
    const bool isThere = file_ && ::fstat(file_.get(), &status) == 0;
    std::string octets(isThere ? std::min<std::size_t>(static_cast<std::size_t>(status.st_size), kPlacesMost * kPlace) : 0, '\0');
    if (octets.empty() || ::pread(file_.get(), octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) return;
    for (std::size_t at = 0; at + kPlace <= octets.size(); at += kPlace) {
      const auto attempt = ipc::decode<Attempt>(std::string_view(octets).substr(at, kUsed));
      if (attempt && !attempt->message.isNull()) left_.push_back(*attempt);
    }
    (void)!::ftruncate(file_.get(), 0);
  }

  /// What an earlier life left in it; once.
  [[nodiscard]] std::vector<Attempt> takeLeft() { return std::exchange(left_, {}); }

  [[nodiscard]] std::size_t begin(const Id128& message, WallTime now) {
    if (free_.empty()) free_.push_back(places_++);
    const std::size_t place = free_.back();
    free_.pop_back();
    put(place, ipc::encode(Attempt{message, now}));
    return place;
  }
  void end(std::size_t place) {
    put(place, {});
    free_.push_back(place);
  }

 private:
  static constexpr std::size_t kPlace = 32;
  static constexpr std::size_t kUsed = 16 + 8;
  static constexpr std::size_t kPlacesMost = 1U << 20;

  void put(std::size_t place, std::string octets) const {
    octets.resize(kPlace, '\0');
    if (file_ && place < kPlacesMost) (void)!::pwrite(file_.get(), octets.data(), octets.size(), static_cast<off_t>(place * kPlace));
  }

  UniqueFd file_;
  std::vector<Attempt> left_;
  std::vector<std::size_t> free_;
  std::size_t places_ = 0;
};

}  // namespace ostler::spool
