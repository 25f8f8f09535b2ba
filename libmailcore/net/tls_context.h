// tls_context.h - what is behind TlsServerContext and TlsClientContext: OpenSSL's objects and their owners. For tls*.cc alone.
#pragma once

#include <openssl/ssl.h>

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/net/tls.h"

namespace ostler::net {

struct FreeTls {
  void operator()(SSL_CTX* freed) const { SSL_CTX_free(freed); }
  void operator()(SSL* freed) const { SSL_free(freed); }
  void operator()(SSL_SESSION* freed) const { SSL_SESSION_free(freed); }
  void operator()(X509* freed) const { X509_free(freed); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeTls>;
using SslSession = std::unique_ptr<SSL, FreeTls>;

/// One SSL_CTX per certificate; the first is the one handshakes begin with.
struct TlsServerContext::Impl {
  std::vector<SslContext> contexts;
  std::unordered_map<std::string, SSL_CTX*, TransparentHash, std::equal_to<>> byName;  // lower case; "*.x" for wildcards

  /// The context for a name a client asks for, or null.
  [[nodiscard]] SSL_CTX* forName(std::string_view name) const;
};

struct TlsClientContext::Impl {
  SslContext context;
};

using Ticket = std::unique_ptr<SSL_SESSION, FreeTls>;

struct TlsTickets::Impl {
  explicit Impl(std::size_t limit) : most(limit) {}
  void put(const std::string& key, Ticket ticket);
  [[nodiscard]] Ticket take(const std::string& key);

  struct Kept {
    Ticket ticket;
    std::list<std::string>::iterator place;
  };
  std::size_t most;
  std::unordered_map<std::string, Kept> byKey;
  std::list<std::string> inOrder;  // the oldest first
};

/// Where a client's stream wants its tickets: OpenSSL's callback finds it in the session.
struct TicketSlot {
  std::shared_ptr<TlsTickets> tickets;
  std::string key;
};

/// The DNS names of a certificate in lower case; its common name counts when it has none. RFC 6125 6.4.4.
[[nodiscard]] std::vector<std::string> dnsNamesOf(X509* certificate);

/// The oldest of OpenSSL's queued errors in words, and an empty queue.
[[nodiscard]] std::string takeSslError();

}  // namespace ostler::net
