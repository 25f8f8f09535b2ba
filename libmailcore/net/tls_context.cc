#include "libmailcore/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstring>

namespace ostler::net {
namespace {

tl::unexpected<Error> broken(const std::string& file) {
  return fail(Error::Kind::permanent, file + ": " + takeSslError());
}

// What server and client have in common.
SslContext newContext(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);  // RFC 8996
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Buffers are given back between records: most connections are idle.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // one recv for several records instead of two per record
  return context;
}

Result<void> useCertificate(SSL_CTX* context, const CertificateFiles& files) {
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) return broken(files.certificate);
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return broken(files.key);
  if (SSL_CTX_check_private_key(context) != 1) {
    (void)takeSslError();
    return fail(Error::Kind::permanent, files.key + " is not the key of " + files.certificate);
  }
  return {};
}

int chooseByName(SSL* ssl, int*, void* argument) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto& impl = *static_cast<const TlsServerContext::Impl*>(argument);
  if (SSL_CTX* const found = name ? impl.forName(name) : nullptr) SSL_set_SSL_CTX(ssl, found);
  return SSL_TLSEXT_ERR_OK;  // a name we do not have gets the first certificate, the client decides
}

// Called while the handshake ends, or a record is read that brings a ticket. 1: the session is ours.
int keepTicket(SSL* ssl, SSL_SESSION* session) {
  const auto* const slot = static_cast<const TicketSlot*>(SSL_get_app_data(ssl));
  if (slot == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
  slot->tickets->impl().put(slot->key, Ticket(session));
  return 1;
}

// A client's certificate is asked for and noted, never required: SASL EXTERNAL looks at the result.
int noteVerification(int, X509_STORE_CTX*) { return 1; }

Result<void> askForClientCertificate(SSL_CTX* context, const std::string& clientCa) {
  if (SSL_CTX_load_verify_locations(context, clientCa.c_str(), nullptr) != 1) return broken(clientCa);
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(clientCa.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &noteVerification);
  return {};
}

}  // namespace

std::vector<std::string> dnsNamesOf(X509* certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    names.push_back(asciiLower(std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                                static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)))));
  }
  GENERAL_NAMES_free(all);
  if (names.empty()) {
    std::array<char, 256> common{};
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common.data(), common.size()) > 0) {
      names.push_back(asciiLower(common.data()));
    }
  }
  return names;
}

std::string takeSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  const char* const reason = ERR_reason_error_string(code);
  if (reason) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

SSL_CTX* TlsServerContext::Impl::forName(std::string_view name) const {
  const std::string lower = asciiLower(name);
  if (const auto exact = byName.find(lower); exact != byName.end()) return exact->second;
  const std::size_t dot = lower.find('.');
  if (dot == lower.npos) return nullptr;
  const auto wildcard = byName.find("*" + lower.substr(dot));  // one label: RFC 6125 6.4.3
  return wildcard == byName.end() ? nullptr : wildcard->second;
}

TlsTickets::TlsTickets(std::size_t most) : impl_(std::make_unique<Impl>(most)) {}
TlsTickets::~TlsTickets() = default;
std::size_t TlsTickets::size() const { return impl_->byKey.size(); }

void TlsTickets::Impl::put(const std::string& key, Ticket ticket) {
  (void)take(key);  // the newest lives longest
  if (most == 0) return;
  if (byKey.size() >= most) (void)take(std::string(inOrder.front()));
  byKey.emplace(key, Kept{std::move(ticket), inOrder.insert(inOrder.end(), key)});
}

Ticket TlsTickets::Impl::take(const std::string& key) {
  const auto found = byKey.find(key);
  if (found == byKey.end()) return nullptr;
  Ticket ticket = std::move(found->second.ticket);
  inOrder.erase(found->second.place);
  byKey.erase(found);
  return ticket;
}

TlsServerContext::TlsServerContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::load(const std::vector<CertificateFiles>& pairs,
                                                                       const std::string& clientCa) {
  if (pairs.empty()) return fail(Error::Kind::permanent, "TLS needs at least one certificate");
  auto impl = std::make_unique<Impl>();
  for (const CertificateFiles& files : pairs) {
    SslContext context = newContext(TLS_server_method());
    if (const Result<void> used = useCertificate(context.get(), files); !used) return fail(used.error());
    if (!clientCa.empty()) {
      if (const Result<void> asked = askForClientCertificate(context.get(), clientCa); !asked) return fail(asked.error());
    }
    // Sessions live in tickets at the clients' (RFC 5077, RFC 8446 4.6.1), none in our memory.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("ostler"), 6);
    SSL_CTX_set_num_tickets(context.get(), 1);
    SSL_CTX_set_tlsext_servername_callback(context.get(), &chooseByName);
    SSL_CTX_set_tlsext_servername_arg(context.get(), impl.get());
    for (const std::string& name : dnsNamesOf(SSL_CTX_get0_certificate(context.get()))) {
      impl->byName.emplace(asciiLower(name), context.get());  // the first certificate with a name has it
    }
    impl->contexts.push_back(std::move(context));
  }
  return std::make_shared<const TlsServerContext>(std::move(impl));
}

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::load(const std::string& caFile, const CertificateFiles& own) {
  auto impl = std::make_unique<Impl>();
  impl->context = newContext(TLS_client_method());
  SSL_CTX* const context = impl->context.get();
  if (caFile.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, caFile.c_str(), nullptr) != 1) {
    return broken(caFile);
  }
  if (!own.certificate.empty()) {
    if (const Result<void> used = useCertificate(context, own); !used) return fail(used.error());
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &keepTicket);
  SSL_CTX_dane_enable(context);
  // RFC 7672 3.1.1: with DANE-EE(3) the record binds the key; names and dates of the certificate mean nothing.
  SSL_CTX_dane_set_flags(context, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  return std::make_shared<const TlsClientContext>(std::move(impl));
}

}  // namespace ostler::net
