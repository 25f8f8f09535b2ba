// stream.h - Stream: octets in both directions, plain, TLS or in memory under one face.
// Is not: lines and buffers; see connection.h, which sessions use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/net/address.h"

namespace ostler::net {

/// What a session may want to know and log about its TLS.
struct TlsInfo {
  std::string protocol;               ///< "TLSv1.3"
  std::string cipher;                 ///< "TLS_AES_256_GCM_SHA384"
  std::string serverName;             ///< SNI, empty if the client sent none
  std::string peerName;               ///< subject of the peer's certificate, empty if none was verified
  bool peerVerified = false;
  std::string tlsExporter;            ///< 32 octets, label "EXPORTER-Channel-Binding": RFC 9266; empty below TLS 1.3
  std::string serverEndPoint;         ///< hash of the server's certificate, tls-server-end-point: RFC 5929 4.1
  [[nodiscard]] std::string text() const { return protocol + " " + cipher; }
};

/// One bidirectional octet stream on one loop. One reader and one writer at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Waits until something is there and reads at most into.size() octets; 0: the peer has closed in order.
  /// Errors: timeout, closed (reset, or truncated TLS), interrupted.
  [[nodiscard]] virtual Task<Result<std::size_t>> readSome(std::span<char> into, Deadline deadline) = 0;
  /// Writes all parts in order; returns when the kernel has taken them. Errors: timeout, closed (partly written then).
  [[nodiscard]] virtual Task<Result<void>> write(std::span<const std::string_view> parts, Deadline deadline) = 0;
  /// Sends `length` octets of a file from `offset`; without a copy where the stream can. Errors: as write.
  [[nodiscard]] virtual Task<Result<void>> writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline) = 0;
  /// Ends a readSome() that waits, now or the next one, with `interrupted`. Nothing is lost. Loop's thread.
  virtual void interruptRead() = 0;
  /// Says goodbye where the stream has a way to (TLS close_notify, FIN); does not wait.
  virtual void shutdown() = 0;
  [[nodiscard]] virtual const TlsInfo* tls() const { return nullptr; }
  /// The descriptor, or -1 for a stream in memory.
  [[nodiscard]] virtual int fd() const { return -1; }
};

/// Takes over a connected, non-blocking stream socket.
[[nodiscard]] std::unique_ptr<Stream> makeSocketStream(Loop& loop, UniqueFd socket);

/// Connects. `source`: bind to that address first. Errors: timeout, temporary (refused, unreachable), with errno's words.
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connectTo(Loop& loop, Endpoint to, std::optional<IpAddress> source,
                                                              Deadline deadline);

}  // namespace ostler::net
