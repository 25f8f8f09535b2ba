// memory_stream.h - two connected streams in memory, for the tests of sessions. TLS needs real sockets: use socketpair(2) there.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "libmailcore/net/stream.h"

namespace ostler::net {

/// One end. What is written at one end is read at the other; an end that goes or shuts down closes what it writes.
class MemoryStream final : public Stream {
 public:
  /// `capacity`: octets on the way in each direction before a writer waits.
  [[nodiscard]] static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> makePair(
      Loop& loop, std::size_t capacity = 64 * 1024) {
    auto there = std::make_shared<Pipe>(loop, capacity);
    auto back = std::make_shared<Pipe>(loop, capacity);
    return {std::unique_ptr<MemoryStream>(new MemoryStream(back, there)),
            std::unique_ptr<MemoryStream>(new MemoryStream(there, back))};
  }
  ~MemoryStream() override {
    in_->readerGone = true;
    in_->writable.set();
    shutdown();
  }

  Result<std::optional<std::size_t>> tryRead(std::span<char> into) override {
    Pipe& pipe = *in_;
    if (pipe.octets.empty()) return pipe.closed ? std::optional<std::size_t>(0) : std::nullopt;
    const std::size_t count = pipe.octets.copy(into.data(), into.size());
    pipe.octets.erase(0, count);
    pipe.writable.set();
    return std::optional(count);
  }
  Task<Result<void>> waitReadable(Deadline deadline) override {
    Result<void> woken;
    if (!interrupted_) woken = co_await in_->readable.wait(deadline);
    if (std::exchange(interrupted_, false)) co_return fail(Error::Kind::interrupted, "read interrupted");
    co_return woken;
  }
  Result<std::size_t> tryWrite(std::span<const std::string_view> parts) override {
    Pipe& pipe = *out_;
    if (pipe.closed || pipe.readerGone) return fail(Error::Kind::closed, "the other end is gone");
    std::size_t total = 0;
    for (const std::string_view part : parts) {
      const std::size_t room = pipe.capacity - std::min(pipe.capacity, pipe.octets.size());
      pipe.octets += part.substr(0, room);
      total += std::min(room, part.size());
    }
    if (total > 0) pipe.readable.set();
    return total;
  }
  Task<Result<void>> waitWritable(Deadline deadline) override { return out_->writable.wait(deadline); }
  void interruptRead() override {
    interrupted_ = true;
    in_->readable.set();
  }
  void shutdown() override {
    out_->closed = true;
    out_->readable.set();
  }

 private:
  struct Pipe {
    Pipe(Loop& loop, std::size_t most) : capacity(most), readable(loop), writable(loop) {}
    std::size_t capacity;
    std::string octets;
    bool closed = false;
    bool readerGone = false;
    Signal readable;
    Signal writable;
  };
  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out) : in_(std::move(in)), out_(std::move(out)) {}
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  bool interrupted_ = false;
};

}  // namespace ostler::net
