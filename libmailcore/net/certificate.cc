#include "libmailcore/net/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

namespace ostler::net {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;

constexpr long kTenYears = 3650L * 86'400;

tl::unexpected<Error> failed(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return fail(Error::Kind::permanent, what + ": " + text.data());
}

std::string contentOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

bool addExtension(X509* to, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(to, extension.get(), -1) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key, const std::string& hostName) {
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), serial.size()) != 1) return false;
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  X509_set_version(certificate, X509_VERSION_3);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kTenYears);
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto* const text = reinterpret_cast<const unsigned char*>(hostName.c_str());
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         addExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         addExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
         addExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         addExtension(certificate, NID_subject_alt_name, "DNS:" + hostName) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

Result<CertificatePair> makeSelfSigned(const std::string& hostName) {
  if (hostName.empty() || hostName.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
                              std::string::npos)
    return fail(Error::Kind::permanent, "no host name for a certificate: " + hostName);
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate || !fill(certificate.get(), key.get(), hostName)) return failed("making a certificate");
  const Bio first(BIO_new(BIO_s_mem()));
  const Bio second(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(first.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(second.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return failed("writing a certificate");
  return CertificatePair{contentOf(first.get()), contentOf(second.get())};
}

Result<CertificateFacts> readCertificate(const std::string& file, const std::string& hostName) {
  const Bio bio(BIO_new_file(file.c_str(), "r"));
  ERR_clear_error();
  if (!bio) return fail(Error::Kind::notFound, "cannot read " + file);
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  std::tm from{};
  std::tm until{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notBefore(certificate.get()), &from) != 1 || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &until) != 1)
    return fail(Error::Kind::syntax, file + " holds no certificate in PEM form");
  CertificateFacts facts;
  facts.notBefore = WallTime(std::chrono::seconds(::timegm(&from)));
  facts.notAfter = WallTime(std::chrono::seconds(::timegm(&until)));
  facts.selfSigned = X509_self_signed(certificate.get(), 0) == 1;
  facts.namesHost = X509_check_host(certificate.get(), hostName.c_str(), hostName.size(), 0, nullptr) == 1;
  return facts;
}

Result<void> checkPair(const std::string& certificateFile, const std::string& keyFile) {
  const auto open = [](const std::string& file) { return Bio(BIO_new_file(file.c_str(), "r")); };
  const Bio first = open(certificateFile);
  const Bio second = open(keyFile);
  const Certificate certificate(first ? PEM_read_bio_X509(first.get(), nullptr, nullptr, nullptr) : nullptr);
  const auto noPassphrase = [](char*, int, int, void*) { return -1; };  // else a locked key asks at the terminal
  const Key key(second ? PEM_read_bio_PrivateKey(second.get(), nullptr, noPassphrase, nullptr) : nullptr);
  const bool fits = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!certificate) return fail(Error::Kind::syntax, certificateFile + " holds no certificate in PEM form");
  if (!key) return fail(Error::Kind::syntax, keyFile + " holds no key in PEM form, or one with a passphrase");
  return fits ? Result<void>() : fail(Error::Kind::permanent, keyFile + " is not the key of " + certificateFile);
}

}  // namespace ostler::net
