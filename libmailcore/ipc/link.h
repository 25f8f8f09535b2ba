// link.h - one connected Unix socket that carries frames: what Client and Server stand on.
// Is not: requests and replies; it knows frames alone. Frames that are sent in one turn of the loop leave in one sendmsg(2).
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/frame.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::ipc {

/// On one loop. Descriptors travel with the first octet of their frame; a peer that sends more than its frames declare, or a
/// frame that breaks the rules, breaks the link.
class Link {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void onFrame(const FrameHeader& header, Frame frame) = 0;
    /// Told once, last of all; the owner may destroy the link here.
    /// closed: the peer went; syntax and limit: it broke the rules.
    virtual void onBroken(const Error& why) = 0;
    /// What was queued fell below half of what wantsToWait() allows.
    virtual void onDrained() {}
  };
  Link(Loop& loop, UniqueFd socket, Owner& owner);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Queues a frame; never calls the owner. REQUIRES: body and descriptors are within the limits of frame.h.
  void send(std::uint8_t flags, std::uint32_t requestId, Frame frame);
  /// Takes no more frames until resume(): the kernel's buffer fills, and then the peer's.
  void pause();
  void resume();
  /// So much is queued that who can wait should.
  [[nodiscard]] bool wantsToWait() const { return queued_ > kEnoughQueued; }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  static constexpr std::size_t kEnoughQueued = 16U << 20;
  struct Chunk {  // octets that leave in one go; descriptors go with the first of them
    std::string octets;
    std::vector<UniqueFd> descriptors;
  };
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  using Event = std::unique_ptr<event, FreeEvent>;

  void readable();
  void writable();
  [[nodiscard]] Result<bool> receive();
  [[nodiscard]] Result<void> handOn();
  void flushSoon();
  void flush();
  [[nodiscard]] Result<bool> sendOnce();
  void sent(std::size_t count);
  void broken(const Error& why);

  Loop& loop_;
  UniqueFd socket_;
  Owner& owner_;
  Event read_;
  Event write_;
  std::shared_ptr<Link*> self_;  // what posted jobs hold weakly
  FrameBuffer in_;
  std::deque<UniqueFd> arrived_;  // descriptors whose frame is not complete yet
  bool paused_ = false;
  std::deque<Chunk> out_;
  std::size_t outAt_ = 0;  // of the first chunk so many octets have left
  std::size_t queued_ = 0;
  bool overfull_ = false;  // was above kEnoughQueued and has not drained yet
  bool flushPosted_ = false;
  bool full_ = false;  // the kernel takes no more; write_ tells when it does
};

}  // namespace ostler::ipc
