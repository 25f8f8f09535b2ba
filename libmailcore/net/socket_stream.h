// socket_stream.h - SocketStream: a Stream on a connected socket, TCP or Unix. What TLS is built on.
#pragma once

#include <event2/event_struct.h>

#include "libmailcore/net/stream.h"

namespace ostler::net {

/// One edge-triggered event is registered for the socket's whole life, so a wait costs no system call: every user tries first and
/// waits only when the kernel said EAGAIN; the next edge sets both signals.
class SocketStream final : public Stream {
 public:
  SocketStream(Loop& loop, UniqueFd socket);
  ~SocketStream() override;

  Result<std::optional<std::size_t>> tryRead(std::span<char> into) override;
  Task<Result<void>> waitReadable(Deadline deadline) override;
  Result<std::size_t> tryWrite(std::span<const std::string_view> parts) override;
  Task<Result<void>> waitWritable(Deadline deadline) override;
  Task<Result<void>> writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline) override;
  void interruptRead() override;
  void shutdown() override;
  int fd() const override { return socket_.get(); }

  /// For TLS: a read that needs the socket to take something, or a write that needs to read. Errors: timeout.
  [[nodiscard]] Task<Result<void>> waitForEdge(Deadline deadline) { return crossed_.wait(deadline); }

 private:
  static void onEdge(evutil_socket_t, short what, void* self);
  UniqueFd socket_;
  event edges_{};
  Signal readable_;
  Signal writable_;
  Signal crossed_;
  bool interrupted_ = false;
  bool drained_ = false;  // the last read found all there was, and no edge has come since
  bool closing_ = false;  // the peer writes no more; what it wrote may still be there
};

}  // namespace ostler::net
