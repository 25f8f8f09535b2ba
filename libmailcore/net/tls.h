// tls.h - TLS on a Stream: server contexts with several certificates, client contexts with a policy. OpenSSL stays behind this.
// TLS 1.2 and newer (RFC 8996). RFC 8314, RFC 3207 (STARTTLS), RFC 7817 (server names of mail protocols).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/net/stream.h"

namespace ostler::net {

struct CertificateFiles {
  std::string certificate;  ///< PEM, leaf first, then the chain
  std::string key;          ///< PEM
};

/// What a listener needs to speak TLS. Immutable; reload makes a new one, running sessions keep theirs. Any thread.
class TlsServerContext {
 public:
  /// The first pair is used when SNI matches none. `clientCa`: PEM file; asks clients for a certificate, does not insist.
  /// Errors: permanent, naming the file and what is wrong with it.
  [[nodiscard]] static Result<std::shared_ptr<const TlsServerContext>> load(const std::vector<CertificateFiles>& pairs,
                                                                            const std::string& clientCa = "");
  ~TlsServerContext();
  struct Impl;
  explicit TlsServerContext(std::unique_ptr<Impl> impl);
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// How a client treats the server's certificate.
enum class TlsVerify {
  none,  ///< encrypt with whoever answers: opportunistic, RFC 7435
  pkix,  ///< chain to a trusted root, and the name must match
  dane,  ///< TLSA records alone decide: RFC 7672
};

/// One TLSA record. RFC 6698 2.1.
struct TlsaRecord {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;
  bool operator==(const TlsaRecord&) const = default;
};

/// What all connections of a client share: trusted roots and an own certificate. Costs milliseconds to load, so load it once.
/// Immutable. Any thread.
class TlsClientContext {
 public:
  /// `caFile`: PEM; empty: the system's roots. `own`: empty: none. Errors: permanent, naming the file.
  [[nodiscard]] static Result<std::shared_ptr<const TlsClientContext>> load(const std::string& caFile = "",
                                                                            const CertificateFiles& own = {});
  ~TlsClientContext();
  struct Impl;
  explicit TlsClientContext(std::unique_ptr<Impl> impl);
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Tickets of servers, by what a session with them is good for: with one the next handshake is short, and nothing is verified
/// anew (RFC 8446 2.2, RFC 5077). Each is used once (RFC 8446 C.4). The oldest go when there are too many. One thread.
class TlsTickets {
 public:
  explicit TlsTickets(std::size_t most);
  ~TlsTickets();
  [[nodiscard]] std::size_t size() const;
  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct TlsClientOptions {
  std::string serverName;  ///< SNI, and the name to match; an IP address is matched but not sent
  TlsVerify verify = TlsVerify::pkix;
  std::shared_ptr<const TlsClientContext> context;  ///< REQUIRES: not null
  std::vector<TlsaRecord> tlsa;                     ///< dane only. Unusable ones are passed over; none usable is permanent
  std::string daneBaseDomain;                       ///< RFC 7671 7; empty: serverName
  std::shared_ptr<TlsTickets> tickets;              ///< null: every handshake is a full one
  std::string peer;                                 ///< with tickets: whom they are for, such as its address and port
  std::vector<std::string> alsoMatch;               ///< other names the certificate may bear: RFC 7672 3.2.2
};

/// Handshakes as server over `plain`, which it takes over. REQUIRES: nothing read ahead from it (RFC 3207 4.2).
/// Errors: timeout, closed, permanent (handshake failure, with OpenSSL's reason).
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> acceptTls(Loop& loop, std::unique_ptr<Stream> plain,
                                                              std::shared_ptr<const TlsServerContext> context, Deadline deadline);
/// Handshakes as client. Errors: as acceptTls; permanent also when verification fails.
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connectTls(Loop& loop, std::unique_ptr<Stream> plain, TlsClientOptions options,
                                                               Deadline deadline);

}  // namespace ostler::net
