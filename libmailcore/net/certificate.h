// certificate.h - certificates as an administrator meets them: a self-signed one to begin with, and how long one still lasts.
// Is not: TLS (tls.h).
#pragma once

#include <string>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"

namespace ostler::net {

struct CertificatePair {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM, PKCS #8
};

/// A P-256 key and a certificate for that host name, signed by itself, valid for ten years. RFC 5280. Errors: permanent.
[[nodiscard]] Result<CertificatePair> makeSelfSigned(const std::string& hostName);

struct CertificateFacts {
  WallTime notBefore;
  WallTime notAfter;
  bool selfSigned = false;
  bool namesHost = false;  ///< is it good for the host name asked about
};
/// Of the first certificate in a PEM file. Errors: notFound, syntax.
[[nodiscard]] Result<CertificateFacts> readCertificate(const std::string& file, const std::string& hostName);

/// Is that the key of this certificate, both as files? Errors: syntax (not PEM, cannot be read, or has a passphrase), permanent (another
/// key).
[[nodiscard]] Result<void> checkPair(const std::string& certificateFile, const std::string& keyFile);

}  // namespace ostler::net
