#include "libmailcore/metrics/counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::metrics {
namespace {

constexpr std::size_t kSlots = 256;
constexpr std::string_view kMagic = "OSTLERM1";
constexpr std::string_view kOther = "other";

struct Slot {
  char name[48];  ///< ends with a zero
  std::uint64_t padding;
  std::uint64_t count;
};

std::string_view nameOf(const Slot& slot) { return {slot.name, ::strnlen(slot.name, sizeof slot.name - 1)}; }

bool isName(std::string_view name) {
  for (const char c : name) {
    if (!isAsciiAlnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return !name.empty();
}

}  // namespace

struct Counters::Table {
  char magic[8];
  std::uint64_t pid;
  std::array<Slot, kSlots> slots;
};

Result<std::shared_ptr<Counters>> Counters::open(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd || ::ftruncate(fd.get(), sizeof(Table)) != 0)
    return fail(Error::Kind::permanent, "counters " + file + ": " + std::strerror(errno));
  struct stat folder{};  // what root makes before it becomes somebody is for who owns the folder
  const bool isRoots = ::geteuid() == 0 && ::stat(file.substr(0, file.rfind('/') + 1).c_str(), &folder) == 0;
  if (isRoots && folder.st_uid != 0) (void)!::fchown(fd.get(), folder.st_uid, folder.st_gid);
  // Whatever the umask of who counts: the folder's group reads them for the pages of metrics.
  (void)!::fchmod(fd.get(), 0640);
  void* const at = ::mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return fail(Error::Kind::permanent, "counters " + file + ": " + std::strerror(errno));
  auto* const table = static_cast<Table*>(at);
  if (std::string_view(table->magic, sizeof table->magic) != kMagic) std::memset(at, 0, sizeof(Table));
  kMagic.copy(table->magic, sizeof table->magic);
  table->pid = static_cast<std::uint64_t>(::getpid());
  return std::shared_ptr<Counters>(new Counters(table));
}

Counters::~Counters() { ::munmap(table_, sizeof(Table)); }

void Counters::add(std::string_view name, std::uint64_t count) {
  if (name.size() >= sizeof(Slot::name) || !isName(name)) name = kOther;
  const std::size_t start = std::hash<std::string_view>{}(name);
  for (std::size_t tries = 0; tries < kSlots; ++tries) {
    Slot& slot = table_->slots[(start + tries) % kSlots];
    std::atomic_ref<char> first(slot.name[0]);
    if (first.load(std::memory_order_acquire) == 0) {
      const std::lock_guard lock(naming_);
      if (first.load(std::memory_order_relaxed) == 0) {
        // The first letter last: who sees it sees the whole name.
        name.substr(1).copy(slot.name + 1, sizeof slot.name - 2);
        first.store(name[0], std::memory_order_release);
      }
    }
    if (nameOf(slot) == name) {
      std::atomic_ref<std::uint64_t>(slot.count).fetch_add(count, std::memory_order_relaxed);
      return;
    }
  }
}

Result<Reading> readCounters(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Error::Kind::notFound, "cannot read " + file);
  struct Image {
    char magic[8];
    std::uint64_t pid;
    std::array<Slot, kSlots> slots;
  };
  const auto image = std::make_unique<Image>();
  in.read(reinterpret_cast<char*>(image.get()), sizeof(Image));
  if (in.gcount() != static_cast<std::streamsize>(sizeof(Image)) ||
      std::string_view(image->magic, sizeof image->magic) != kMagic)
    return fail(Error::Kind::syntax, file + " holds no counters");
  Reading reading;
  reading.pid = image->pid;
  for (const Slot& slot : image->slots) {
    const std::string_view name = nameOf(slot);
    if (isName(name)) reading.counts[std::string(name)] += slot.count;
  }
  return reading;
}

}  // namespace ostler::metrics
