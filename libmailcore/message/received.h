// received.h - the trace fields: Received, Return-Path, Delivered-To. RFC 5321 4.4; RFC 3848 and RFC 6531 4.3 (with),
// RFC 8314 4.3 (tls), RFC 6710 (PRIORITY).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/clock.h"

namespace ostler::message {

/// What a Received field tells. Text that a peer chose is made harmless when written.
struct Received {
  std::string helo;           ///< what the client called itself
  std::string clientName;     ///< name of its address; empty: unknown
  std::string clientAddress;  ///< textual IP address; IPv6 gets its tag when written
  std::string by;             ///< this server
  std::string byComment;      ///< "Ostler"; empty: none
  std::string with;           ///< SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP, UTF8SMTP...
  std::string tls;            ///< "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: clear text
  std::string id;             ///< queue id
  std::string forPath;  ///< the one recipient without brackets; empty with several, so that none learns of another
  int priority = 0;     ///< MT-PRIORITY: RFC 6710; 0, that of other mail, is not written
  WallTime time;
};

/// A whole field, folded, with its final CRLF, made for `name: value` order at the top of a message.
[[nodiscard]] std::string writeReceived(const Received& received);
/// Reads helo, clientName, clientAddress, by, with, id, for and the date of a raw value; what is missing stays empty.
[[nodiscard]] Received parseReceived(std::string_view raw);

/// Received fields in a header: compare with the hop limit (RFC 5321 6.3).
[[nodiscard]] std::size_t countReceived(std::string_view content);
/// Does a Delivered-To field name this address (without regard to case)? Then delivery there is a loop.
[[nodiscard]] bool wasDeliveredTo(std::string_view content, std::string_view address);

/// `Return-Path: <path>` CRLF. The null reverse-path is empty.
[[nodiscard]] std::string writeReturnPath(std::string_view reversePath);
/// `Delivered-To: address` CRLF.
[[nodiscard]] std::string writeDeliveredTo(std::string_view address);

}  // namespace ostler::message
