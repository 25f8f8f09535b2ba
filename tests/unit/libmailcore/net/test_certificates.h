// test_certificates.h - a throw-away CA and leaf certificates, made in a temporary folder that goes with the object.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/net/tls.h"

namespace ostler::net {

class TestCertificates {
 public:
  TestCertificates() {
    std::string path = (std::filesystem::temp_directory_path() / "ostler-certs-XXXXXX").string();
    folder_ = mkdtemp(path.data());
    caKey_.reset(EVP_EC_gen("P-256"));
    ca_ = make("Test CA", {}, caKey_.get(), nullptr);
    writeCertificate(caFile(), ca_.get());
  }
  ~TestCertificates() { std::filesystem::remove_all(folder_); }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  [[nodiscard]] std::string caFile() const { return folder_ + "/ca.pem"; }

  /// A leaf for these DNS names, signed by the CA.
  [[nodiscard]] CertificateFiles leaf(const std::vector<std::string>& names) {
    const std::string stem = folder_ + "/leaf" + std::to_string(++count_);
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = make(names.front(), names, key.get(), ca_.get());
    CertificateFiles files{stem + ".pem", stem + ".key"};
    writeCertificate(files.certificate, certificate.get());
    std::FILE* const out = std::fopen(files.key.c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    return files;
  }

  /// "3 1 1" of a leaf: the SHA-256 of its public key. RFC 6698 2.1.
  [[nodiscard]] static TlsaRecord tlsaOf(const CertificateFiles& files) {
    std::FILE* const in = std::fopen(files.certificate.c_str(), "r");
    const Certificate certificate(PEM_read_X509(in, nullptr, nullptr, nullptr));
    std::fclose(in);
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    std::array<unsigned char, 32> hash{};
    EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(), nullptr);
    OPENSSL_free(der);
    return {3, 1, 1, std::string(reinterpret_cast<const char*>(hash.data()), hash.size())};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* freed) const { EVP_PKEY_free(freed); }
    void operator()(X509* freed) const { X509_free(freed); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  Certificate make(const std::string& name, const std::vector<std::string>& dnsNames, EVP_PKEY* key, X509* issuer) {
    Certificate out(X509_new());
    X509_set_version(out.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), 86400);
    X509_set_pubkey(out.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(out.get(), X509_get_subject_name(issuer ? issuer : out.get()));
    addExtension(out.get(), NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    std::string alternatives;
    for (const auto& dns : dnsNames) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + dns;
    if (!alternatives.empty()) addExtension(out.get(), NID_subject_alt_name, alternatives);
    X509_sign(out.get(), caKey_.get(), EVP_sha256());
    return out;
  }
  static void addExtension(X509* to, int nid, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void writeCertificate(const std::string& path, X509* certificate) {
    std::FILE* const out = std::fopen(path.c_str(), "w");
    PEM_write_X509(out, certificate);
    std::fclose(out);
  }

  std::string folder_;
  Key caKey_;
  Certificate ca_;
  int count_ = 0;
  long serial_ = 0;
};

}  // namespace ostler::net
