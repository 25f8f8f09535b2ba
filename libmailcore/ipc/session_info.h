// session_info.h - SessionInfo: who a session is, as smtpd, pop3d and imapd say it with what they ask.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/base/ids.h"

namespace ostler::ipc {

struct SessionInfo {
  Id128 session;             ///< in every log line of this session, in all daemons
  std::string service;       ///< "smtp" "submission" "lmtp" "pop3" "imap" "pickup"
  std::string virtualServer;
  std::string client;        ///< Endpoint text
  std::string local;         ///< Endpoint text
  std::string helo;
  std::string clientName;    ///< reverse DNS name if looked up
  std::string tls;           ///< "TLSv1.3 TLS_AES_256_GCM_SHA384", empty without
  std::string token;         ///< from LoginReply; empty: not authenticated
  std::vector<std::string> tlsNames;  ///< DNS names of the client's certificate, if it was verified
  template <class V>
  void fields(V& v) {
    v(session, service, virtualServer, client, local, helo, clientName, tls, token, tlsNames);
  }
};

}  // namespace ostler::ipc
