// power_cut_disk.h - a Disk that does everything for real and remembers what was not synced, so that a test can make the folder
// that a power cut would have left: synced octets are there, of all others an arbitrary part, sector by sector.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/journal/disk.h"

namespace ostler::journal {

class PowerCutDisk final : public Disk {
 public:
  /// Fails `count` calls from the one with that number on, counted over all calls. A write that fails has written its first half;
  /// a sync that fails has lost what it was to cover, as file systems do: a second sync would say that all is well.
  void failCalls(std::size_t first, std::size_t count = 1) {
    failFrom_ = first;
    failCount_ = count;
  }
  static constexpr std::size_t kForEver = SIZE_MAX;
  /// As if it were full, not broken.
  void failAs(Error::Kind kind) { kind_ = kind; }
  [[nodiscard]] std::string firstFailed() const {
    const std::scoped_lock lock(mutex_);
    return firstFailed_;
  }
  [[nodiscard]] std::size_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  Result<UniqueFd> open(int folder, const std::string& name, int flags) const override {
    const std::scoped_lock lock(mutex_);
    if (fails()) return broken("open");
    return Disk::open(folder, name, flags);
  }
  Result<void> write(int fd, std::span<iovec> parts, std::uint64_t offset) const override {
    const std::scoped_lock lock(mutex_);
    std::string octets;
    for (const iovec& part : parts) octets.append(static_cast<const char*>(part.iov_base), part.iov_len);
    const bool failing = fails();
    if (failing) octets.resize(octets.size() / 2);
    files_[inodeOf(fd)].pending.push_back({offset, octets});
    if (!failing) return Disk::write(fd, parts, offset);
    iovec half{octets.data(), octets.size()};
    (void)Disk::write(fd, {&half, 1}, offset);
    return broken("write");
  }
  Result<void> syncData(int fd) const override {
    const std::scoped_lock lock(mutex_);
    File& file = files_[inodeOf(fd)];
    if (fails()) {
      for (Write& write : std::exchange(file.pending, {})) {
        write.octets.assign(write.octets.size(), '\0');
        iovec zeroes{write.octets.data(), write.octets.size()};
        (void)Disk::write(fd, {&zeroes, 1}, write.offset);
      }
      return broken("sync");
    }
    const Result<void> done = Disk::syncData(fd);
    for (const Write& write : file.pending) apply(file.synced, write.offset, write.octets);
    file.pending.clear();
    return done;
  }
  Result<void> allocate(int fd, std::uint64_t size) const override {
    const std::scoped_lock lock(mutex_);
    if (fails()) return broken("allocate");
    return Disk::allocate(fd, size);
  }
  Result<void> rename(int folder, const std::string& from, const std::string& to) const override {
    const std::scoped_lock lock(mutex_);
    if (fails()) return broken("rename");
    const Result<void> done = Disk::rename(folder, from, to);
    names_.push_back(list(folder));
    return done;
  }
  Result<void> unlink(int folder, const std::string& name) const override {
    const std::scoped_lock lock(mutex_);
    if (fails()) return broken("unlink");
    const Result<void> done = Disk::unlink(folder, name);
    names_.push_back(list(folder));
    return done;
  }
  Result<void> syncFolder(int folder) const override {
    const std::scoped_lock lock(mutex_);
    if (fails()) return broken("folder sync");
    names_ = {list(folder)};
    return Disk::syncFolder(folder);
  }

  /// Makes `to` as the folder would be after a power cut now.
  void cut(const std::string& to, std::mt19937& random) const {
    const std::scoped_lock lock(mutex_);
    std::filesystem::create_directory(to);
    if (names_.empty()) return;
    // Names since the last folder sync became durable one after the other, up to some point.
    const auto& names = names_[random() % names_.size()];
    for (const auto& [name, inode] : names) {
      const File& file = files_[inode];
      std::string octets = file.synced;
      for (const Write& write : file.pending) tear(octets, write, random);
      std::ofstream(to + "/" + name, std::ios::binary) << octets;
    }
  }

 private:
  struct Write {
    std::uint64_t offset;
    std::string octets;
  };
  struct File {
    std::string synced;
    std::vector<Write> pending;
  };
  using Names = std::map<std::string, ino_t>;

  static ino_t inodeOf(int fd) {
    struct stat status {};
    ::fstat(fd, &status);
    return status.st_ino;
  }
  static Names list(int folder) {
    Names names;
    const std::string path = "/proc/self/fd/" + std::to_string(folder);
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      struct stat status {};
      if (::stat(entry.path().c_str(), &status) == 0) names[entry.path().filename()] = status.st_ino;
    }
    return names;
  }
  static void apply(std::string& into, std::uint64_t offset, std::string_view octets) {
    if (into.size() < offset + octets.size()) into.resize(offset + octets.size());
    into.replace(offset, octets.size(), octets);
  }
  static void tear(std::string& into, const Write& write, std::mt19937& random) {
    constexpr std::size_t kSector = 512;
    const unsigned mood = random() % 3;  // nothing of it, all of it, some sectors
    for (std::size_t at = 0; at < write.octets.size();) {
      const std::size_t step = std::min(kSector - (write.offset + at) % kSector, write.octets.size() - at);
      if (mood == 1 || (mood == 2 && random() % 2 == 0)) apply(into, write.offset + at, write.octets.substr(at, step));
      at += step;
    }
  }
  bool fails() const { return ++calls_ >= failFrom_ && calls_ - failFrom_ < failCount_; }
  tl::unexpected<Error> broken(const std::string& call) const {
    if (firstFailed_.empty()) firstFailed_ = call;
    return fail(kind_, call + ": made to fail");
  }

  mutable std::mutex mutex_;
  mutable std::map<ino_t, File> files_;
  mutable std::vector<Names> names_;
  mutable std::size_t calls_ = 0;
  mutable std::string firstFailed_;
  std::size_t failFrom_ = SIZE_MAX;
  std::size_t failCount_ = 0;
  Error::Kind kind_ = Error::Kind::temporary;
};

}  // namespace ostler::journal
