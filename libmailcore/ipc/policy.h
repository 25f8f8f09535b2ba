// policy.h - what smtpd asks the spool in the course of a dialogue: may this client, this sender, this recipient?
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/session_info.h"

namespace ostler::ipc {

/// May this client be served at all? Asked at the connection, where the virtual server looks at names.
/// 220: yes, and `text` is the client's forward-confirmed name, or empty.
struct CheckClient {
  static constexpr std::uint16_t kType = 124;
  using Reply = SmtpReply;
  SessionInfo session;
  template <class V>
  void fields(V& v) {
    v(session);
  }
};

struct CheckSender {
  static constexpr std::uint16_t kType = 120;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string reversePath;  ///< empty: <>
  std::uint64_t declaredSize = 0;
  bool smtpUtf8 = false;
  template <class V>
  void fields(V& v) {
    v(session, reversePath, declaredSize, smtpUtf8);
  }
};

struct RecipientReply : SmtpReply {
  bool isNew = false;  ///< the user has never written to this one, and such are limited
  RecipientReply() = default;
  RecipientReply(SmtpReply reply, bool fresh = false) : SmtpReply(std::move(reply)), isNew(fresh) {}
  template <class V>
  void fields(V& v) {
    v(code, enhanced, text, isNew);
  }
};

struct CheckRecipient {
  static constexpr std::uint16_t kType = 122;
  using Reply = RecipientReply;
  SessionInfo session;
  std::string reversePath;
  std::string forwardPath;
  std::uint32_t before = 0;     ///< recipients that this transaction has already
  std::uint32_t newBefore = 0;  ///< how many of them were answered isNew
  std::uint64_t declaredSize = 0;
  template <class V>
  void fields(V& v) {
    v(session, reversePath, forwardPath, before, newBefore, declaredSize);
  }
};

/// VRFY and EXPN. RFC 5321 3.5. Whether the client may ask is decided by the spool.
struct Verify {
  static constexpr std::uint16_t kType = 126;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string argument;  ///< an address or a local part, without <>
  bool expand = false;   ///< EXPN
  template <class V>
  void fields(V& v) {
    v(session, argument, expand);
  }
};

/// ETRN: please start what waits. RFC 1985 5. Replies: 250, 251, 252, 253, 458, 459, 501.
struct EtrnRequest {
  static constexpr std::uint16_t kType = 127;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string argument;  ///< "example.com", "@example.com" (all below, too), "#queue"
  template <class V>
  void fields(V& v) {
    v(session, argument);
  }
};

/// ATRN: the connection that comes along (one descriptor) is the client's, which becomes the server. RFC 2645 5.2.1.
/// 250: mail goes out over it once the client was told; 450, 451, 453, 530: the descriptor is of no use.
struct TurnAround {
  static constexpr std::uint16_t kType = 128;
  using Reply = SmtpReply;
  SessionInfo session;
  std::vector<std::string> domains;  ///< empty: all that are this user's
  template <class V>
  void fields(V& v) {
    v(session, domains);
  }
};

}  // namespace ostler::ipc
