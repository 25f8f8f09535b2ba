#include "libmailcore/store/local/notify.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "libmailcore/base/clock.h"

namespace ostler::store::local {
namespace {

constexpr std::size_t kNoticesSize = 4096;
constexpr std::size_t kHintSize = 40;  // account, mailbox, modSeq
constexpr std::string_view kSocketSuffix = ".sock";
constexpr std::string_view kMapSuffix = ".map";

std::size_t slotOf(const Id128& account) { return 1 + std::hash<Id128>()(account) % (kNoticesSize - 1); }

void setOctet(unsigned char* octet, unsigned char value) { std::atomic_ref<unsigned char>(*octet).store(value); }
unsigned char getOctet(unsigned char* octet) { return std::atomic_ref<unsigned char>(*octet).load(); }

// Through /proc/self/fd, so that the folder may lie deeper than a socket's path may be long.
sockaddr_un addressIn(int folder, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

unsigned char* mapFile(int folder, const std::string& name, int flags) {
  const UniqueFd fd(::openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0660));
  if (!fd) return nullptr;
  struct stat info{};
  if ((flags & O_CREAT) != 0 && ::ftruncate(fd.get(), kNoticesSize) != 0) return nullptr;
  if (::fstat(fd.get(), &info) != 0 || info.st_size < static_cast<off_t>(kNoticesSize)) return nullptr;
  void* const map = ::mmap(nullptr, kNoticesSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  return map == MAP_FAILED ? nullptr : static_cast<unsigned char*>(map);
}

std::string encodeHint(const Id128& account, const ChangeHint& hint) {
  std::string out(account.octets());
  out += hint.mailbox.octets();
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(hint.modSeq >> shift);
  return out;
}

}  // namespace

struct Notifier::Registration {
  Loop* loop = nullptr;
  Id128 account;
  std::function<void(ChangeHint)> callback;
  bool active = true;  // touched on the loop alone
};

struct Notifier::Peer {
  std::string name;
  sockaddr_un address{};
  unsigned char* map = nullptr;
  ~Peer() {
    if (map != nullptr) ::munmap(map, kNoticesSize);
  }
};

class Notifier::Registered final : public Watch {
 public:
  Registered(Notifier& notifier, std::shared_ptr<Registration> registration)
      : notifier_(notifier), registration_(std::move(registration)) {}
  ~Registered() override {
    registration_->active = false;
    notifier_.unwatch(registration_);
  }

 private:
  Notifier& notifier_;
  std::shared_ptr<Registration> registration_;
};

Result<std::unique_ptr<Notifier>> Notifier::make(const std::string& folder, log::Log log) {
  const auto failed = [&folder](const char* what) {
    return fail(Error::Kind::permanent, "notify: " + folder + ": " + what + ": " + std::strerror(errno));
  };
  std::unique_ptr<Notifier> notifier(new Notifier);
  notifier->folder_ = folder;
  notifier->log_ = std::move(log);
  if (::mkdir(folder.c_str(), 0770) != 0 && errno != EEXIST) return failed("cannot be made");
  notifier->folderFd_.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!notifier->folderFd_) return failed("cannot be opened");
  notifier->name_ = std::to_string(::getpid()) + "-" + Id128::make(SystemClock().now()).text();
  notifier->map_ = mapFile(notifier->folderFd_.get(), notifier->name_ + std::string(kMapSuffix), O_RDWR | O_CREAT | O_EXCL);
  if (notifier->map_ == nullptr) return failed("no map");
  notifier->socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int room = 1 << 20;
  (void)::setsockopt(notifier->socket_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  const sockaddr_un address = addressIn(notifier->folderFd_.get(), notifier->name_ + std::string(kSocketSuffix));
  if (::bind(notifier->socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("no socket");
  notifier->wake_.reset(::eventfd(0, EFD_CLOEXEC));
  notifier->thread_ = std::thread([self = notifier.get()] { self->listen(); });
  return notifier;
}

Notifier::~Notifier() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    thread_.join();
  }
  if (folderFd_) {
    ::unlinkat(folderFd_.get(), (name_ + std::string(kSocketSuffix)).c_str(), 0);
    ::unlinkat(folderFd_.get(), (name_ + std::string(kMapSuffix)).c_str(), 0);
  }
  if (map_ != nullptr) ::munmap(map_, kNoticesSize);
}

std::unique_ptr<Watch> Notifier::watch(Loop& loop, const Id128& account, std::function<void(ChangeHint)> callback) {
  auto registration = std::make_shared<Registration>(Registration{&loop, account, std::move(callback)});
  const std::scoped_lock lock(watchersMutex_);
  watchers_.emplace(account, registration);
  setOctet(map_ + slotOf(account), 1);
  return std::make_unique<Registered>(*this, std::move(registration));
}

void Notifier::unwatch(const std::shared_ptr<Registration>& registration) {
  const std::scoped_lock lock(watchersMutex_);
  const auto [first, last] = watchers_.equal_range(registration->account);
  const auto found = std::find_if(first, last, [&](const auto& one) { return one.second == registration; });
  if (found != last) watchers_.erase(found);
  const std::size_t slot = slotOf(registration->account);
  const bool shared = std::any_of(watchers_.begin(), watchers_.end(), [&](const auto& one) { return slotOf(one.first) == slot; });
  if (!shared) setOctet(map_ + slot, 0);
}

void Notifier::tell(const Id128& account, const std::vector<ChangeHint>& hints) {
  for (const ChangeHint& hint : hints) {
    tellHere(account, hint);
    tellPeers(account, hint);
  }
}

void Notifier::tellHere(const Id128& account, const ChangeHint& hint) {
  const std::scoped_lock lock(watchersMutex_);
  const auto [first, last] = watchers_.equal_range(account);
  for (auto at = first; at != last; ++at) {
    at->second->loop->post([registration = at->second, hint] {
      if (registration->active) registration->callback(hint);
    });
  }
}

void Notifier::tellAllHere() {
  std::vector<Id128> accounts;
  {
    const std::scoped_lock lock(watchersMutex_);
    for (auto at = watchers_.begin(); at != watchers_.end(); at = watchers_.upper_bound(at->first)) accounts.push_back(at->first);
  }
  for (const Id128& account : accounts) tellHere(account, ChangeHint{});
}

// The listeners, read anew when the folder changed. A folder that changed a moment ago may change again within the same tick of
// the file system's clock, so that state is not trusted yet.
void Notifier::refreshPeers() {
  struct stat info{};
  if (::fstat(folderFd_.get(), &info) != 0) return;
  const std::int64_t asOf = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  if (asOf == peersAsOf_) return;
  const std::int64_t now = toUnixMillis(SystemClock().now()) * 1'000'000;
  constexpr std::int64_t kTick = 50'000'000;
  peersAsOf_ = now - asOf > kTick ? asOf : -1;
  const int copy = ::openat(folderFd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const directory = copy < 0 ? nullptr : ::fdopendir(copy);
  if (directory == nullptr) {
    if (copy >= 0) ::close(copy);
    return;
  }
  std::vector<std::shared_ptr<Peer>> peers;
  while (const dirent* const entry = ::readdir(directory)) {
    std::string name = entry->d_name;
    if (!name.ends_with(kSocketSuffix)) continue;
    name.resize(name.size() - kSocketSuffix.size());
    if (name == name_) continue;
    const auto known = std::find_if(peers_.begin(), peers_.end(), [&](const auto& peer) { return peer->name == name; });
    if (known != peers_.end()) {
      peers.push_back(*known);
      continue;
    }
    auto peer = std::make_shared<Peer>();
    peer->name = name;
    peer->address = addressIn(folderFd_.get(), name + std::string(kSocketSuffix));
    peer->map = mapFile(folderFd_.get(), name + std::string(kMapSuffix), O_RDWR);
    if (peer->map != nullptr) peers.push_back(std::move(peer));
  }
  ::closedir(directory);
  peers_ = std::move(peers);
}

void Notifier::tellPeers(const Id128& account, const ChangeHint& hint) {
  const std::scoped_lock lock(peersMutex_);
  refreshPeers();
  std::string datagram;
  for (const auto& peer : peers_) {
    if (getOctet(peer->map + slotOf(account)) == 0) continue;
    if (datagram.empty()) datagram = encodeHint(account, hint);
    const auto send = [&] {
      return ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&peer->address), sizeof peer->address) >= 0;
    };
    if (send()) continue;
    if (errno == EAGAIN || errno == ENOBUFS) {
      // Full: it will read on, and look at the mark when it has read all. Should it have done that just now, this wakes it again.
      setOctet(peer->map, 1);
      (void)send();
    } else if (errno == ECONNREFUSED) {  // its process is gone
      ::unlinkat(folderFd_.get(), (peer->name + std::string(kSocketSuffix)).c_str(), 0);
      ::unlinkat(folderFd_.get(), (peer->name + std::string(kMapSuffix)).c_str(), 0);
    }
  }
}

void Notifier::listen() {
  pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if ((waits[1].revents & POLLIN) != 0) return;
    char octets[kHintSize];
    for (ssize_t got = 0; (got = ::recv(socket_.get(), octets, sizeof octets, 0)) >= 0;) {
      if (got != static_cast<ssize_t>(kHintSize)) continue;
      const std::string_view in(octets, kHintSize);
      ChangeHint hint;
      hint.mailbox = Id128::fromOctets(in.substr(16, 16)).value_or(Id128{});
      for (std::size_t at = 8; at-- > 0;) hint.modSeq = hint.modSeq << 8 | static_cast<unsigned char>(in[32 + at]);
      tellHere(Id128::fromOctets(in.substr(0, 16)).value_or(Id128{}), hint);
    }
    if (getOctet(map_) != 0) {
      setOctet(map_, 0);
      tellAllHere();
    }
  }
}

}  // namespace ostler::store::local
