#include "libmailcore/ipc/link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ostler::ipc {
namespace {

constexpr std::size_t kCoalesce = 64 * 1024;  // small frames share a chunk up to this
constexpr std::size_t kOwnChunk = 16 * 1024;  // a body from this on is not copied behind others
constexpr std::size_t kPartsAtOnce = 64;      // iovecs of one sendmsg(2)

}  // namespace

Link::Link(Loop& loop, UniqueFd socket, Owner& owner)
    : loop_(loop), socket_(std::move(socket)), owner_(owner), self_(std::make_shared<Link*>(this)) {
  read_.reset(event_new(
      loop_.base(), socket_.get(), EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* link) { static_cast<Link*>(link)->readable(); }, this));
  write_.reset(event_new(
      loop_.base(), socket_.get(), EV_WRITE,
      [](evutil_socket_t, short, void* link) { static_cast<Link*>(link)->writable(); }, this));
  const int size = 1 << 20;  // the kernel gives what it allows
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  event_add(read_.get(), nullptr);
}

Link::~Link() = default;

void Link::send(std::uint8_t flags, std::uint32_t requestId, Frame frame) {
  const auto header = encodeHeader({flags, frame.type, requestId, static_cast<std::uint32_t>(frame.body.size()),
                                    static_cast<std::uint8_t>(frame.descriptors.size())});
  queued_ += header.size() + frame.body.size();
  if (out_.empty() || !frame.descriptors.empty() || out_.back().octets.size() >= kCoalesce) out_.emplace_back();
  Chunk& chunk = out_.back();
  if (!frame.descriptors.empty()) chunk.descriptors = std::move(frame.descriptors);
  chunk.octets.append(header.data(), header.size());
  if (frame.body.size() >= kOwnChunk) {
    out_.push_back({std::move(frame.body), {}});
  } else {
    chunk.octets += frame.body;
  }
  flushSoon();
}

// After the tasks of this turn have spoken: their frames leave together.
void Link::flushSoon() {
  if (flushPosted_ || full_) return;
  flushPosted_ = true;
  loop_.post([self = std::weak_ptr<Link*>(self_)] {
    if (const auto link = self.lock()) (*link)->flush();
  });
}

void Link::writable() {
  full_ = false;
  flush();
}

void Link::flush() {
  flushPosted_ = false;
  overfull_ = overfull_ || wantsToWait();
  while (!out_.empty()) {
    const Result<bool> took = sendOnce();
    if (!took) return broken(took.error());
    if (!*took) {
      full_ = true;
      event_add(write_.get(), nullptr);
      break;
    }
  }
  if (overfull_ && queued_ <= kEnoughQueued / 2) {
    overfull_ = false;
    owner_.onDrained();
  }
}

// True: the kernel took something; false: it is full.
Result<bool> Link::sendOnce() {
  std::array<iovec, kPartsAtOnce> parts{};
  std::size_t count = 0;
  for (auto chunk = out_.begin(); chunk != out_.end() && count < parts.size(); ++chunk) {
    if (count > 0 && !chunk->descriptors.empty()) break;  // these go with a sendmsg of their own
    const std::size_t skip = count == 0 ? outAt_ : 0;
    parts[count++] = {chunk->octets.data() + skip, chunk->octets.size() - skip};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  const auto& descriptors = out_.front().descriptors;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    for (std::size_t at = 0; at < descriptors.size(); ++at) {
      const int fd = descriptors[at].get();
      std::memcpy(CMSG_DATA(rights) + at * sizeof fd, &fd, sizeof fd);
    }
  }
  const ssize_t sentNow = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sentNow < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EINTR) return true;
    return fail(Error::Kind::closed, std::string("ipc: ") + std::strerror(errno));
  }
  sent(static_cast<std::size_t>(sentNow));
  return true;
}

void Link::sent(std::size_t count) {
  queued_ -= count;
  if (count > 0) out_.front().descriptors.clear();
  while (count > 0) {
    const std::size_t left = out_.front().octets.size() - outAt_;
    if (count < left) {
      outAt_ += count;
      return;
    }
    count -= left;
    outAt_ = 0;
    out_.pop_front();
  }
}

void Link::pause() {
  if (std::exchange(paused_, true)) return;
  event_del(read_.get());
}

void Link::resume() {
  if (!std::exchange(paused_, false)) return;
  event_add(read_.get(), nullptr);
  if (in_.buffered() == 0) return;
  loop_.post([self = std::weak_ptr<Link*>(self_)] {
    const auto held = self.lock();
    if (!held) return;
    Link& link = **held;
    if (const Result<void> handed = link.handOn(); !handed) link.broken(handed.error());
  });
}

void Link::readable() {
  const Result<bool> open = receive();
  if (!open) return broken(open.error());
  const Result<void> handed = handOn();
  if (!handed) return broken(handed.error());
  if (!*open) broken({Error::Kind::closed, "ipc: the peer closed"});
}

// One recvmsg(2). False: the peer has closed in order.
Result<bool> Link::receive() {
  const auto [at, size] = in_.room();
  iovec part{at, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return true;
    return fail(Error::Kind::closed, std::string("ipc: ") + std::strerror(errno));
  }
  for (cmsghdr* rights = CMSG_FIRSTHDR(&message); rights != nullptr; rights = CMSG_NXTHDR(&message, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t fds = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t n = 0; n < fds; ++n) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + n * sizeof fd, sizeof fd);
      arrived_.emplace_back(fd);
    }
  }
  // The kernel has closed those that had no room.
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    return fail(Error::Kind::limit, "ipc: more descriptors than a frame may have");
  in_.received(static_cast<std::size_t>(count));
  return count > 0;
}

Result<void> Link::handOn() {
  while (!paused_) {
    auto piece = in_.next();
    if (!piece) return fail(piece.error());
    if (!*piece) break;
    const FrameHeader& header = (*piece)->header;
    if (arrived_.size() < header.descriptors) return fail(Error::Kind::syntax, "ipc: descriptors are missing");
    Frame frame{header.type, std::string((*piece)->body), {}};
    for (std::uint8_t n = 0; n < header.descriptors; ++n) {
      frame.descriptors.push_back(std::move(arrived_.front()));
      arrived_.pop_front();
    }
    owner_.onFrame(header, std::move(frame));
  }
  // What is left over can only belong to the one frame that is still on its way.
  const bool surplus = in_.buffered() == 0 ? !arrived_.empty() && !paused_ : arrived_.size() > kMaxDescriptors;
  if (surplus) return fail(Error::Kind::syntax, "ipc: descriptors that no frame declares");
  return {};
}

void Link::broken(const Error& why) {
  event_del(read_.get());
  event_del(write_.get());
  self_.reset();  // posted jobs find nothing
  owner_.onBroken(why);
}

}  // namespace ostler::ipc
