#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "libmailcore/net/socket_stream.h"
#include "libmailcore/net/tls_context.h"

namespace ostler::net {
namespace {

constexpr std::size_t kRecord = 16 * 1024;

std::string subjectOf(X509* certificate) {
  std::array<char, 512> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), text.size());
  return text.data();
}

// RFC 5929 4.1: the hash of the certificate's signature algorithm, SHA-256 for MD5 and SHA-1.
std::string endPointBinding(const X509* certificate) {
  int digest = NID_undef;
  X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, nullptr, nullptr);
  if (digest == NID_undef || digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* const md = EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (!md || X509_digest(certificate, md, out.data(), &size) != 1) return "";
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string exporter(SSL* ssl) {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";  // RFC 9266 2
  std::array<unsigned char, 32> out{};
  if (SSL_version(ssl) < TLS1_3_VERSION) return "";
  if (SSL_export_keying_material(ssl, out.data(), out.size(), kLabel.data(), kLabel.size(), nullptr, 0, 1) != 1) return "";
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

// rfc822Name of subjectAltName: RFC 5280 4.2.1.6.
std::vector<std::string> addressesOf(X509* certificate) {
  std::vector<std::string> out;
  STACK_OF(OPENSSL_STRING)* const names = X509_get1_email(certificate);
  for (int at = 0; at < sk_OPENSSL_STRING_num(names); ++at) out.emplace_back(sk_OPENSSL_STRING_value(names, at));
  X509_email_free(names);
  return out;
}

TlsInfo infoOf(SSL* ssl) {
  TlsInfo info;
  info.protocol = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  info.resumed = SSL_session_reused(ssl) == 1;
  if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.serverName = name;
  X509* const peer = SSL_get0_peer_certificate(ssl);
  info.peerVerified = peer && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) == X509_V_OK;
  if (info.peerVerified) info.peerName = subjectOf(peer);
  if (info.peerVerified && SSL_is_server(ssl)) info.peerAddresses = addressesOf(peer);
  if (info.peerVerified && SSL_is_server(ssl)) info.peerNames = dnsNamesOf(peer);
  info.tlsExporter = exporter(ssl);
  if (const X509* const server = SSL_is_server(ssl) ? SSL_get_certificate(ssl) : peer) {
    info.serverEndPoint = endPointBinding(server);
  }
  return info;
}

class TlsStream final : public Stream {
 public:
  // `context`, `slot`: what the session points into; `slot` may be null.
  TlsStream(std::unique_ptr<SocketStream> socket, SslSession ssl, std::shared_ptr<const void> context, std::unique_ptr<TicketSlot> slot)
      : socket_(std::move(socket)), context_(std::move(context)), slot_(std::move(slot)), ssl_(std::move(ssl)) {
    SSL_set_app_data(ssl_.get(), slot_.get());
  }

  [[nodiscard]] Task<Result<void>> handshake(Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl_.get());
      if (done == 1) break;
      const Result<Wants> wants = wantsOf(done);
      if (!wants) co_return fail(handshakeError(wants.error()));
      const Result<void> woken = co_await waitFor(*wants, deadline);
      if (!woken) co_return fail(woken.error().kind, "TLS handshake: " + woken.error().detail);
    }
    info_ = infoOf(ssl_.get());
    co_return Result<void>();
  }

  Result<std::optional<std::size_t>> tryRead(std::span<char> into) override {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    if (done == 1) return std::optional(got);
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_ZERO_RETURN) return std::optional<std::size_t>(0);
    const Result<Wants> wants = wantsOf(done);
    if (!wants) return fail(wants.error());
    readWants_ = *wants;
    return std::optional<std::size_t>();
  }
  Task<Result<void>> waitReadable(Deadline deadline) override {
    return readWants_ == Wants::read ? socket_->waitReadable(deadline) : socket_->waitForEdge(deadline);
  }

  Result<std::size_t> tryWrite(std::span<const std::string_view> parts) override {
    // Small parts share a record.
    std::string joined;
    std::string_view next = parts.empty() ? std::string_view() : parts.front();
    if (parts.size() > 1 && next.size() < kRecord) {
      for (const std::string_view part : parts) joined += part.substr(0, kRecord - joined.size());
      next = joined;
    }
    if (next.empty()) return std::size_t{0};
    ERR_clear_error();
    std::size_t written = 0;
    const int done = SSL_write_ex(ssl_.get(), next.data(), next.size(), &written);
    if (done == 1) return written;
    const Result<Wants> wants = wantsOf(done);
    if (!wants) return fail(wants.error());
    writeWants_ = *wants;
    return std::size_t{0};
  }
  Task<Result<void>> waitWritable(Deadline deadline) override {
    return writeWants_ == Wants::write ? socket_->waitWritable(deadline) : socket_->waitForEdge(deadline);
  }

  void interruptRead() override { socket_->interruptRead(); }
  void shutdown() override {
    // After a fatal error OpenSSL must not be asked to shut down.
    if (!broken_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    socket_->shutdown();
  }
  const TlsInfo* tls() const override { return &info_; }
  int fd() const override { return socket_->fd(); }

 private:
  enum class Wants { read, write };

  // What the session waits for after an operation that was not done. Errors: closed.
  Result<Wants> wantsOf(int done) {
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return Wants::read;
      case SSL_ERROR_WANT_WRITE:
        return Wants::write;
      case SSL_ERROR_SSL:
        broken_ = true;
        return fail(Error::Kind::closed, "TLS: " + takeSslError());
      default:
        broken_ = true;
        ERR_clear_error();
        return fail(Error::Kind::closed, "TLS: connection lost");
    }
  }

  // A refusal of either side is for good; a lost connection may be an accident.
  Error handshakeError(const Error& error) const {
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) {
      return {Error::Kind::permanent,
              "TLS handshake: certificate verify failed: " + std::string(X509_verify_cert_error_string(verified))};
    }
    const bool lost = error.detail == "TLS: connection lost" || error.detail.ends_with("unexpected eof while reading");
    return {lost ? Error::Kind::closed : Error::Kind::permanent, "TLS handshake: " + error.detail};
  }

  Task<Result<void>> waitFor(Wants wants, Deadline deadline) {
    return wants == Wants::read ? socket_->waitReadable(deadline) : socket_->waitWritable(deadline);
  }

  std::unique_ptr<SocketStream> socket_;
  std::shared_ptr<const void> context_;
  std::unique_ptr<TicketSlot> slot_;
  SslSession ssl_;
  TlsInfo info_;
  Wants readWants_ = Wants::read;
  Wants writeWants_ = Wants::write;
  bool broken_ = false;
};

Result<SslSession> newSession(SSL_CTX* context, const SocketStream& socket) {
  SslSession ssl(SSL_new(context));
  if (!ssl || SSL_set_fd(ssl.get(), socket.fd()) != 1) return fail(Error::Kind::temporary, "TLS: " + takeSslError());
  return ssl;
}

Result<std::unique_ptr<SocketStream>> socketOf(std::unique_ptr<Stream> plain) {
  auto* const socket = dynamic_cast<SocketStream*>(plain.get());
  if (!socket) return fail(Error::Kind::permanent, "TLS needs a socket below it");
  (void)plain.release();
  return std::unique_ptr<SocketStream>(socket);
}

// The server must prove its name by a chain to a trusted root. RFC 7817, RFC 6125.
void requirePkix(SSL* ssl, const TlsClientOptions& options) {
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IpAddress::parse(options.serverName)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), options.serverName.c_str());
  } else {
    SSL_set1_host(ssl, options.serverName.c_str());
  }
  for (const std::string& name : options.alsoMatch) SSL_add1_host(ssl, name.c_str());
}

// The TLSA records alone decide. RFC 7672 3.1: DANE-TA(2) and DANE-EE(3) count, the PKIX usages do not.
Result<void> requireDane(SSL* ssl, const TlsClientOptions& options) {
  const std::string& base = options.daneBaseDomain.empty() ? options.serverName : options.daneBaseDomain;
  if (SSL_dane_enable(ssl, base.c_str()) != 1) return fail(Error::Kind::permanent, "DANE: " + takeSslError());
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  for (const std::string& name : options.alsoMatch) SSL_add1_host(ssl, name.c_str());
  bool usable = false;
  for (const TlsaRecord& record : options.tlsa) {
    if (record.usage != 2 && record.usage != 3) continue;
    const int added = SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching,
                                        reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size());
    usable = usable || added > 0;
  }
  ERR_clear_error();
  if (!usable) return fail(Error::Kind::permanent, "DANE: no usable TLSA record");
  return {};
}

Result<void> applyPolicy(SSL* ssl, const TlsClientOptions& options) {
  if (!options.serverName.empty() && !IpAddress::parse(options.serverName)) {
    SSL_set_tlsext_host_name(ssl, options.serverName.c_str());
  }
  if (options.verify == TlsVerify::pkix) requirePkix(ssl, options);
  if (options.verify == TlsVerify::dane) return requireDane(ssl, options);
  return {};
}

// A ticket stands for a verification: it is of use for exactly what was verified then.
std::string ticketKey(const TlsClientOptions& options) {
  std::string key = options.peer + " " + options.serverName + " " + std::to_string(static_cast<int>(options.verify)) + " " + options.daneBaseDomain;
  for (const std::string& name : options.alsoMatch) key += " " + name;
  for (const TlsaRecord& record : options.tlsa) {
    key += " " + std::to_string(record.usage) + "/" + std::to_string(record.selector) + "/" + std::to_string(record.matching) + "/" + record.data;
  }
  return key;
}

Task<Result<std::unique_ptr<Stream>>> shakeHands(std::unique_ptr<SocketStream> socket, SslSession ssl,
                                                 std::shared_ptr<const void> context, Deadline deadline,
                                                 std::unique_ptr<TicketSlot> slot = nullptr) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(ssl), std::move(context), std::move(slot));
  const Result<void> done = co_await stream->handshake(deadline);
  if (!done) co_return fail(done.error());
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> acceptTls(Loop&, std::unique_ptr<Stream> plain,
                                                std::shared_ptr<const TlsServerContext> context, Deadline deadline) {
  Result<std::unique_ptr<SocketStream>> socket = socketOf(std::move(plain));
  if (!socket) co_return fail(socket.error());
  Result<SslSession> ssl = newSession(context->impl().contexts.front().get(), **socket);
  if (!ssl) co_return fail(ssl.error());
  SSL_set_accept_state(ssl->get());
  Result<std::unique_ptr<Stream>> secured = co_await shakeHands(std::move(*socket), std::move(*ssl), std::move(context), deadline);
  co_return secured;
}

Task<Result<std::unique_ptr<Stream>>> connectTls(Loop&, std::unique_ptr<Stream> plain, TlsClientOptions options,
                                                 Deadline deadline) {
  Result<std::unique_ptr<SocketStream>> socket = socketOf(std::move(plain));
  if (!socket) co_return fail(socket.error());
  Result<SslSession> ssl = newSession(options.context->impl().context.get(), **socket);
  if (!ssl) co_return fail(ssl.error());
  SSL_set_connect_state(ssl->get());
  const Result<void> applied = applyPolicy(ssl->get(), options);
  if (!applied) co_return fail(applied.error());
  std::unique_ptr<TicketSlot> slot;
  if (options.tickets) {
    slot = std::make_unique<TicketSlot>(TicketSlot{options.tickets, ticketKey(options)});
    const Ticket ticket = options.tickets->impl().take(slot->key);
    if (ticket) SSL_set_session(ssl->get(), ticket.get());
  }
  Result<std::unique_ptr<Stream>> secured =
      co_await shakeHands(std::move(*socket), std::move(*ssl), options.context, deadline, std::move(slot));
  co_return secured;
}

}  // namespace ostler::net
