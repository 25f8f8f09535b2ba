// connection.h - Connection: a Stream with a read buffer (lines, counted octets) and a write buffer. What sessions talk through.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/net/stream.h"
#include "libmailcore/net/tls.h"

namespace ostler::net {

/// One loop. What is read beyond what was asked for is 16 KiB at most. Buffers are given back while it waits for the peer with nothing buffered, so an idle connection holds no buffer.
class Connection {
 public:
  Connection(Loop& loop, std::unique_ptr<Stream> stream);

  /// The next line without its line end; valid until the next call on this connection. A line ends at CRLF; a bare LF ends one
  /// too but bareLf() tells. `most` counts octets without the line end; a longer line is read past and gives limit (the next
  /// call starts with the line after it; of one that goes on beyond 1 MiB, with the rest of it, which gives limit again).
  /// Before it waits for the peer it flushes what write() buffered: replies to a pipelined batch leave together.
  /// Errors: limit, timeout, closed, interrupted.
  [[nodiscard]] Task<Result<std::string_view>> readLine(std::size_t most, Deadline deadline);
  /// Did the line that readLine() returned last end in LF without CR?
  [[nodiscard]] bool bareLf() const { return bareLf_; }
  /// At least one and at most `most` octets as they come, valid until the next call. Empty: the peer closed in order.
  [[nodiscard]] Task<Result<std::string_view>> readSome(std::size_t most, Deadline deadline);
  /// Puts back the last `count` octets of what readSome() returned last.
  void unread(std::size_t count);
  /// Exactly `count` octets. REQUIRES: count is small enough to hold in memory; the caller has checked it. Errors: closed when short.
  [[nodiscard]] Task<Result<std::string>> readExactly(std::size_t count, Deadline deadline);
  /// Octets already received and not yet read: a pipelining or early-talking client.
  [[nodiscard]] bool hasBufferedInput() const;

  /// Buffers. Beyond 64 KiB buffered, call flush().
  void write(std::string_view octets);
  [[nodiscard]] std::size_t bufferedOutput() const { return out_.size(); }
  [[nodiscard]] Task<Result<void>> flush(Deadline deadline);
  /// flush(), then the file's octets without copying them through the buffer.
  [[nodiscard]] Task<Result<void>> writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline);

  /// STARTTLS: refuses with syntax when the client has sent anything after the command (RFC 3207 4.2, command injection).
  [[nodiscard]] Task<Result<void>> startTlsAsServer(std::shared_ptr<const TlsServerContext> context, Deadline deadline);
  [[nodiscard]] Task<Result<void>> startTlsAsClient(TlsClientOptions options, Deadline deadline);
  /// Replaces the stream by one that wraps it (COMPRESS). REQUIRES: no buffered input or output.
  void wrap(const std::function<std::unique_ptr<Stream>(std::unique_ptr<Stream>)>& wrapper) { stream_ = wrapper(std::move(stream_)); }
  void interruptRead() { stream_->interruptRead(); }
  void shutdown() { stream_->shutdown(); }

  [[nodiscard]] const TlsInfo* tls() const { return stream_->tls(); }
  [[nodiscard]] std::uint64_t octetsIn() const { return octetsIn_; }
  [[nodiscard]] std::uint64_t octetsOut() const { return octetsOut_; }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Stream& stream() { return *stream_; }

 private:
  [[nodiscard]] Task<Result<std::size_t>> fill(std::size_t most, Deadline deadline);
  [[nodiscard]] Result<std::optional<std::size_t>> takeInput(std::size_t most);
  [[nodiscard]] std::optional<Result<std::string_view>> takeLine(std::size_t most);
  void releaseInput();
  [[nodiscard]] Result<void> noLeftovers() const;
  [[nodiscard]] Result<void> replaceStream(Result<std::unique_ptr<Stream>> stream);
  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  std::string in_;           // received, from in_[inAt_] on not yet read
  std::size_t inAt_ = 0;
  std::size_t scanned_ = 0;  // in_ up to here holds no LF
  bool bareLf_ = false;
  bool skipping_ = false;    // inside a line that is too long
  std::size_t skipped_ = 0;  // octets of it, since that was told
  unsigned fillsWithoutWait_ = 0;
  std::string out_;
  std::uint64_t octetsIn_ = 0;
  std::uint64_t octetsOut_ = 0;
};

}  // namespace ostler::net
