// envelope.h - who sent a message, to whom and how (RFC 5321 2.3.1), and what an SMTP server answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"

namespace ostler::ipc {

/// One SMTP reply. RFC 5321 4.2, RFC 2034.
struct SmtpReply {
  static constexpr std::uint16_t kType = 121;
  using Reply = void;
  std::uint16_t code = 250;
  std::string enhanced;  ///< "2.1.5"
  std::string text;      ///< lines separated by \n
  template <class V>
  void fields(V& v) {
    v(code, enhanced, text);
  }
};

/// One recipient of an envelope, with its DSN parameters. RFC 3461 4.
struct Recipient {
  std::string forwardPath;
  std::string orcpt;              ///< decoded "rfc822;alice@example.test", empty if not given
  std::uint8_t notify = kNotifyFailure | kNotifyDelay;
  static constexpr std::uint8_t kNotifyNever = 0;
  static constexpr std::uint8_t kNotifySuccess = 1;
  static constexpr std::uint8_t kNotifyFailure = 2;
  static constexpr std::uint8_t kNotifyDelay = 4;
  bool notifyGiven = false;
  template <class V>
  void fields(V& v) {
    v(forwardPath, orcpt, notify, notifyGiven);
  }
};

/// What the sender asks of the way, beside the addresses. Times are absolute; the epoch means: not asked.
struct Handling {
  /// What happens when `deliverBy` has passed: RFC 2852 4. `told`: as notify, of a time that was over when the message came: who sent it
  /// on has told.
  enum class By : std::uint8_t { none, notify, giveBack, told };
  WallTime holdUntil{};         ///< RFC 4865: not before
  WallTime deliverBy{};         ///< RFC 2852
  By by = By::none;
  bool byTrace = false;         ///< RFC 2852 4: tell the sender of each relay
  std::int8_t priority = 0;     ///< RFC 6710: -9 to 9, higher goes first
  bool requireTls = false;      ///< RFC 8689 2: over verified TLS, or back
  bool tlsOptional = false;     ///< RFC 8689 5: the header says "TLS-Required: No"
  template <class V>
  void fields(V& v) {
    v(holdUntil, deliverBy, by, byTrace, priority, requireTls, tlsOptional);
  }
  bool operator==(const Handling&) const = default;
};

/// What a report of failure is to hold of the message: RFC 3461 4.3. One octet, of which older records know 0 and 1.
enum class Returned : std::uint8_t { notSaid, full, headers };

struct Envelope {
  std::string reversePath;  ///< empty: <>
  std::vector<Recipient> recipients;
  std::string envid;           ///< RFC 3461 4.4
  Returned returned = Returned::notSaid;  ///< RET
  bool smtpUtf8 = false;       ///< RFC 6531
  bool eightBit = false;       ///< BODY=8BITMIME: RFC 6152
  bool binary = false;         ///< BODY=BINARYMIME: RFC 3030
  bool priorityGiven = false;  ///< MAIL named a priority, be it 0: then no MT-Priority field counts (RFC 6758 3.1)
  Handling handling;
  template <class V>
  void fields(V& v) {
    v(reversePath, recipients, envid, returned, smtpUtf8, eightBit, binary, priorityGiven, handling);
  }
};

}  // namespace ostler::ipc
