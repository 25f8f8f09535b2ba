// sending.h - what has to do with other hosts: spool → out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/ipc/envelope.h"

namespace ostler::ipc {

/// Where a message goes next, as the route says.
struct NextHop {
  enum class Kind : std::uint8_t {
    mx,
    host,
    lmtp,
    adopted,  ///< the connection that AdoptConnection brought; `name` is its name
  };
  Kind kind = Kind::mx;
  std::string name;          ///< mx: the domain; else a host name, "[192.0.2.1]", or the path of a Unix socket
  std::uint16_t port = 25;
  bool tlsRequired = false;
  std::uint8_t tlsVerify = 0;  ///< net::TlsVerify
  std::string user;
  std::string password;
  std::vector<std::string> fallbacks;  ///< hosts to ask when none of these can be reached: name or address, either with :port
  bool fallbackLogin = false;          ///< they are told user and password, too
  template <class V>
  void fields(V& v) {
    v(kind, name, port, tlsRequired, tlsVerify, user, password, fallbacks, fallbackLogin);
  }
  /// Of one destination are messages whose key is the same: they share connections, back-off and state.
  [[nodiscard]] std::string key() const;
};

struct RecipientOutcome {
  enum class State : std::uint8_t { delivered, deferred, failed };
  State state = State::deferred;
  SmtpReply reply;          ///< the remote's words, or ours
  bool isOurWord = false;   ///< no server said the reply: RFC 3464 2.3.6
  std::string remoteHost;   ///< "mx1.example.net [192.0.2.1]:25", empty if none was reached
  bool dsnPassedOn = false; ///< the next hop offered DSN and got the parameters: RFC 3461 4.1
  bool isToldAgain = false; ///< it was delivered in an attempt whose outcome the spool may not have heard; nothing was sent now
  bool byPassedOn = false;  ///< the next hop offered DELIVERBY and got what is left of the time, or delivered it itself (LMTP): RFC 2852 4.1
  template <class V>
  void fields(V& v) {
    v(state, reply, isOurWord, remoteHost, dsnPassedOn, byPassedOn, isToldAgain);
  }
};

struct DeliverOutcome {
  static constexpr std::uint16_t kType = 141;
  using Reply = void;
  std::vector<RecipientOutcome> recipients;  ///< in the order of the envelope
  std::string transcript;                    ///< what was said with hosts that did not take it, without content and passwords; lines end in LF
  bool someHostAnswered = false;             ///< whatever became of the message, and though the last one asked was silent
  template <class V>
  void fields(V& v) {
    v(recipients, transcript, someHostAnswered);
  }
};

/// Comes with one read-only descriptor: the content is [offset, offset + length) of it.
struct Deliver {
  static constexpr std::uint16_t kType = 140;
  using Reply = DeliverOutcome;
  std::string queueId;
  NextHop nextHop;
  Envelope envelope;
  std::string heloName;
  std::string prefix;        ///< octets to be sent before the content; of a small message all there is, and no descriptor comes
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool hasEightBit = false;  ///< the content has octets above 127
  bool utf8Header = false;   ///< the header needs SMTPUTF8
  std::string sourceV4;      ///< the address to send from; empty: the one of the configuration
  std::string sourceV6;
  std::uint64_t messagesPerConnection = 0;  ///< 0: the configuration's
  std::string virtualServer;                ///< by which the message came in, for the log
  template <class V>
  void fields(V& v) {
    v(queueId, nextHop, envelope, heloName, prefix, offset, length, hasEightBit, utf8Header, sourceV4, sourceV6,
      messagesPerConnection, virtualServer);
  }
};

struct AskedRecipient {
  static constexpr std::uint16_t kType = 145;
  using Reply = void;
  SmtpReply reply;         ///< the server's word about the recipient, or 4xx of ours
  std::string remoteHost;  ///< empty: none was reached
  bool asked = false;      ///< it got as far as the question
  template <class V>
  void fields(V& v) {
    v(reply, remoteHost, asked);
  }
};

struct SendingReady {
  static constexpr std::uint16_t kType = 149;
  using Reply = void;
  template <class V>
  void fields(V&) {}
};

/// Asked after role out was lost: does it take mail? Errors: temporary (it is shutting down).
struct IsSendingReady {
  static constexpr std::uint16_t kType = 148;
  using Reply = SendingReady;
  template <class V>
  void fields(V&) {}
};

/// Does a server have this recipient? Asked without sending it anything.
struct AskRecipient {
  static constexpr std::uint16_t kType = 144;
  using Reply = AskedRecipient;
  enum class How : std::uint8_t {
    rcpt,  ///< MAIL FROM:<>, RCPT, RSET: what a primary says to its backup
    vrfy,  ///< RFC 5321 3.5: peers tell each other
  };
  NextHop nextHop;
  How how = How::rcpt;
  std::string heloName;
  std::string forwardPath;
  template <class V>
  void fields(V& v) {
    v(nextHop, how, heloName, forwardPath);
  }
};

/// Comes with one descriptor: a connection whose other end is a server that has not greeted yet. 250: it has, and mail for the
/// next hop {adopted, name} goes over it, until EndAdopted or until nothing was sent for a while.
struct AdoptConnection {
  static constexpr std::uint16_t kType = 146;
  using Reply = SmtpReply;
  std::string name;
  std::string heloName;
  std::string remoteHost;  ///< for the log and reports
  template <class V>
  void fields(V& v) {
    v(name, heloName, remoteHost);
  }
};

struct EndAdopted {
  static constexpr std::uint16_t kType = 147;
  using Reply = void;
  std::string name;
  template <class V>
  void fields(V& v) {
    v(name);
  }
};

}  // namespace ostler::ipc
