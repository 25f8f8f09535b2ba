// stream.h - Stream: octets in both directions, plain, TLS or in memory under one face.
// Is not: lines and buffers; see connection.h, which sessions use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/net/address.h"

namespace ostler::net {

/// What a session may want to know and log about its TLS.
struct TlsInfo {
  std::string protocol;               ///< "TLSv1.3"
  std::string cipher;                 ///< "TLS_AES_256_GCM_SHA384"
  bool resumed = false;               ///< by a ticket of an earlier session: RFC 8446 2.2
  std::string serverName;             ///< SNI, empty if the client sent none
  std::string peerName;               ///< subject of the peer's certificate, empty if none was verified
  bool peerVerified = false;
  std::vector<std::string> peerNames;  ///< DNS names of the client's verified certificate, lower case
  std::vector<std::string> peerAddresses;  ///< mail addresses that the verified certificate names
  std::string tlsExporter;            ///< 32 octets, label "EXPORTER-Channel-Binding": RFC 9266; empty below TLS 1.3
  std::string serverEndPoint;         ///< hash of the server's certificate, tls-server-end-point: RFC 5929 4.1
  [[nodiscard]] std::string text() const { return protocol + " " + cipher; }
};

/// One bidirectional octet stream on one loop. One reader and one writer at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  // What an implementation provides: try, and wait until trying again makes sense. A try never waits and needs no buffer of the
  // stream's own; so whoever waits holds no buffer either.

  /// Reads what is there. Nothing: nothing is there now. 0: the peer has closed in order. Errors: closed (reset, truncated TLS).
  [[nodiscard]] virtual Result<std::optional<std::size_t>> tryRead(std::span<char> into) = 0;
  /// Returns when tryRead() may find something (or may not, after all). Errors: timeout, interrupted, closed.
  [[nodiscard]] virtual Task<Result<void>> waitReadable(Deadline deadline) = 0;
  /// Writes what can be taken now of all parts in order; 0: nothing. Errors: closed.
  [[nodiscard]] virtual Result<std::size_t> tryWrite(std::span<const std::string_view> parts) = 0;
  [[nodiscard]] virtual Task<Result<void>> waitWritable(Deadline deadline) = 0;
  /// Sends `length` octets of a file from `offset`, without a copy where the stream can. Errors: as write; permanent when the
  /// file is shorter.
  [[nodiscard]] virtual Task<Result<void>> writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline);
  /// Ends the waitReadable() that waits, or the next one, with `interrupted`. Nothing is lost. Loop's thread.
  virtual void interruptRead() = 0;
  /// Says goodbye where the stream has a way to (TLS close_notify, FIN); does not wait.
  virtual void shutdown() = 0;
  [[nodiscard]] virtual const TlsInfo* tls() const { return nullptr; }
  /// The descriptor, or -1 for a stream in memory.
  [[nodiscard]] virtual int fd() const { return -1; }

  // What callers use.

  /// Waits until something is there and reads at most into.size() octets; 0: the peer has closed in order.
  /// Errors: timeout, closed, interrupted.
  [[nodiscard]] Task<Result<std::size_t>> readSome(std::span<char> into, Deadline deadline);
  /// Writes all parts in order; returns when the kernel has taken them. Errors: timeout, closed (partly written then).
  [[nodiscard]] Task<Result<void>> write(std::span<const std::string_view> parts, Deadline deadline);
};

/// Takes over a connected stream socket and makes it non-blocking.
[[nodiscard]] std::unique_ptr<Stream> makeSocketStream(Loop& loop, UniqueFd socket);

/// Connects. `source`: bind to that address first. Errors: timeout, temporary (refused, unreachable), with errno's words.
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connectTo(Loop& loop, Endpoint to, std::optional<IpAddress> source,
                                                              Deadline deadline);

}  // namespace ostler::net
