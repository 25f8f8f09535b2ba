#include "libmailcore/net/connection.h"

#include <algorithm>
#include <array>

namespace ostler::net {
namespace {

// Capacity above this is given back before a wait for the peer.
constexpr std::size_t kKeep = 256;
// What a peer that pipelines may lay into our memory before its turn comes; a record of TLS is as long.
constexpr std::size_t kReadAhead = 16 * 1024;
constexpr std::size_t kMostAtOnce = 64 * 1024;
// A line that is too long is told of once in so many octets, so that one that never ends cannot be read past for ever.
constexpr std::size_t kMostSkipped = 1U << 20;
// A peer that always has something ready lets the others of its loop run after so many reads.
constexpr unsigned kFairReads = 32;

// What is left of a connection whose TLS handshake failed.
class ClosedStream final : public Stream {
 public:
  Result<std::optional<std::size_t>> tryRead(std::span<char>) override { return gone(); }
  Task<Result<void>> waitReadable(Deadline) override { co_return gone(); }
  Result<std::size_t> tryWrite(std::span<const std::string_view>) override { return gone(); }
  Task<Result<void>> waitWritable(Deadline) override { co_return gone(); }
  void interruptRead() override {}
  void shutdown() override {}

 private:
  static tl::unexpected<Error> gone() { return fail(Error::Kind::closed, "closed after a failed TLS handshake"); }
};

}  // namespace

Connection::Connection(Loop& loop, std::unique_ptr<Stream> stream) : loop_(loop), stream_(std::move(stream)) {}

bool Connection::hasBufferedInput() const { return inAt_ < in_.size(); }

// Reads through the stack, so that in_ is never larger than what was received.
Result<std::optional<std::size_t>> Connection::takeInput(std::size_t most) {
  std::array<char, kMostAtOnce> scratch;
  Result<std::optional<std::size_t>> got = stream_->tryRead(std::span(scratch).first(std::clamp(most, kReadAhead, kMostAtOnce)));
  if (!got || !*got) return got;
  if (inAt_ > 0) {
    in_.erase(0, inAt_);
    scanned_ -= std::min(scanned_, inAt_);
    inAt_ = 0;
  }
  in_.append(scratch.data(), **got);
  octetsIn_ += **got;
  return got;
}

void Connection::releaseInput() {
  if (inAt_ < in_.size()) return;
  in_.clear();
  inAt_ = scanned_ = 0;
  if (in_.capacity() > kKeep) in_.shrink_to_fit();
}

// Appends to in_ what the peer sends next, `most` or the read-ahead; 0: it has closed.
Task<Result<std::size_t>> Connection::fill(std::size_t most, Deadline deadline) {
  if (++fillsWithoutWait_ >= kFairReads) {
    fillsWithoutWait_ = 0;
    co_await loop_.yield();
  }
  for (;;) {
    const Result<std::optional<std::size_t>> got = takeInput(most);
    if (!got) co_return fail(got.error());
    if (*got) co_return **got;
    if (!out_.empty()) {
      const Result<void> flushed = co_await flush(deadline);
      if (!flushed) co_return fail(flushed.error());
    }
    releaseInput();
    fillsWithoutWait_ = 0;
    const Result<void> woken = co_await stream_->waitReadable(deadline);
    if (!woken) co_return fail(woken.error());
  }
}

// The line at the front of in_, if it is all there.
std::optional<Result<std::string_view>> Connection::takeLine(std::size_t most) {
  scanned_ = std::max(scanned_, inAt_);
  const std::size_t end = in_.find('\n', scanned_);
  if (end == in_.npos) {
    scanned_ = in_.size();
    if (skipping_ || in_.size() - inAt_ > most + 1) {  // even if the CR is there already
      skipping_ = true;
      skipped_ += in_.size() - std::exchange(inAt_, in_.size());
    }
    if (skipped_ < kMostSkipped) return std::nullopt;
    skipped_ = 0;
    return Result<std::string_view>(fail(Error::Kind::limit, "line without an end"));
  }
  std::string_view line = std::string_view(in_).substr(inAt_, end - inAt_);
  inAt_ = scanned_ = end + 1;
  bareLf_ = !line.ends_with('\r');
  if (!bareLf_) line.remove_suffix(1);
  skipped_ = 0;
  if (std::exchange(skipping_, false) || line.size() > most) {
    return Result<std::string_view>(fail(Error::Kind::limit, "line too long"));
  }
  return Result<std::string_view>(line);
}

Task<Result<std::string_view>> Connection::readLine(std::size_t most, Deadline deadline) {
  for (;;) {
    std::optional<Result<std::string_view>> line = takeLine(most);
    if (line) co_return std::move(*line);
    const Result<std::size_t> got = co_await fill(0, deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Error::Kind::closed, "closed by the peer");
  }
}

Task<Result<std::string_view>> Connection::readSome(std::size_t most, Deadline deadline) {
  if (!hasBufferedInput()) {
    const Result<std::size_t> got = co_await fill(most, deadline);
    if (!got) co_return fail(got.error());
  }
  const std::string_view some = std::string_view(in_).substr(inAt_, most);
  inAt_ += some.size();
  co_return some;
}

void Connection::unread(std::size_t count) {
  inAt_ -= std::min(count, inAt_);
  scanned_ = std::min(scanned_, inAt_);
}

Task<Result<std::string>> Connection::readExactly(std::size_t count, Deadline deadline) {
  std::string out;
  while (out.size() < count) {
    const Result<std::string_view> some = co_await readSome(count - out.size(), deadline);
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return fail(Error::Kind::closed, "closed by the peer");
    out += *some;
  }
  co_return out;
}

void Connection::write(std::string_view octets) { out_ += octets; }

Task<Result<void>> Connection::flush(Deadline deadline) {
  if (out_.empty()) co_return Result<void>();
  // Taken aside: whoever writes while this waits buffers for the next flush.
  const std::string sending = std::exchange(out_, {});
  const std::array<std::string_view, 1> parts{sending};
  const Result<void> written = co_await stream_->write(parts, deadline);
  if (written) octetsOut_ += sending.size();
  co_return written;
}

Task<Result<void>> Connection::writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline) {
  const Result<void> flushed = co_await flush(deadline);
  if (!flushed) co_return flushed;
  const Result<void> written = co_await stream_->writeFile(fd, offset, length, deadline);
  if (written) octetsOut_ += length;
  co_return written;
}

Result<void> Connection::noLeftovers() const {
  if (!hasBufferedInput()) return {};
  return fail(Error::Kind::syntax, "octets in clear text after STARTTLS (RFC 3207 4.2)");
}

Result<void> Connection::replaceStream(Result<std::unique_ptr<Stream>> stream) {
  if (!stream) {
    stream_ = std::make_unique<ClosedStream>();
    return fail(stream.error());
  }
  stream_ = std::move(*stream);
  return {};
}

Task<Result<void>> Connection::startTlsAsServer(std::shared_ptr<const TlsServerContext> context, Deadline deadline) {
  const Result<void> clean = noLeftovers();
  if (!clean) co_return clean;
  const Result<void> flushed = co_await flush(deadline);
  if (!flushed) co_return flushed;
  releaseInput();
  Result<std::unique_ptr<Stream>> secured = co_await acceptTls(loop_, std::move(stream_), std::move(context), deadline);
  co_return replaceStream(std::move(secured));
}

Task<Result<void>> Connection::startTlsAsClient(TlsClientOptions options, Deadline deadline) {
  const Result<void> clean = noLeftovers();
  if (!clean) co_return clean;
  const Result<void> flushed = co_await flush(deadline);
  if (!flushed) co_return flushed;
  Result<std::unique_ptr<Stream>> secured = co_await connectTls(loop_, std::move(stream_), std::move(options), deadline);
  co_return replaceStream(std::move(secured));
}

}  // namespace ostler::net
