// session.h - one session with a next hop: connected, greeted, encrypted and authenticated as the policy wants, or the reason
// why not. And the cache of sessions that wait for another message.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/ipc/sending.h"
#include "queued/out/hosts.h"

namespace ostler::out {

struct Session {
  Session(smtp::Client with, std::string host) : client(std::move(with)), remoteHost(std::move(host)) {}
  smtp::Client client;
  std::string remoteHost;  ///< "mx1.example.net [192.0.2.1]:25"
  std::uint64_t messages = 0;
  SteadyTime idleSince;
};

/// A session, or why there is none.
struct Opened {
  std::unique_ptr<Session> session;
  smtp::Reply refusal;
  std::string remoteHost;     ///< empty: it was not reached
  std::string transcript;     ///< of what was said although there is no session
  bool handshakeFailed = false;  ///< in clear text it might work, where the policy lets it
};

/// `clearText`: do not use STARTTLS. REQUIRES then: the policy does not require TLS.
enum class Security { byPolicy, clearText };
[[nodiscard]] Task<Opened> openSession(Loop& loop, std::shared_ptr<const Settings> settings, ipc::NextHop hop, std::string heloName,
                                       std::string hostName, net::Endpoint to, TlsPolicy policy, Security security);

/// The same over a connection that is there already.
[[nodiscard]] Task<Opened> openSessionOn(Loop& loop, std::shared_ptr<const Settings> settings, ipc::NextHop hop, std::string heloName,
                                         std::string hostName, net::Endpoint to, std::unique_ptr<net::Stream> stream, TlsPolicy policy,
                                         Security security);

/// Sessions without work, by what they are good for. One loop.
class SessionCache {
 public:
  explicit SessionCache(Loop& loop) : farewells_(loop) {}

  /// What a session is good for: host, TLS policy, credentials, the name we give.
  [[nodiscard]] static std::string keyOf(const ipc::NextHop& hop, const Host& host, const std::string& heloName);
  /// A session that is still good, or null.
  [[nodiscard]] std::unique_ptr<Session> take(const std::string& key);
  void put(const std::string& key, std::unique_ptr<Session> session);
  /// Says QUIT without anybody waiting for it.
  void endSession(std::unique_ptr<Session> session);
  /// Ends those idle since before `then`.
  void sweep(SteadyTime then);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::unordered_map<std::string, std::vector<std::unique_ptr<Session>>> idle_;
  std::size_t size_ = 0;
  TaskScope farewells_;
};

}  // namespace ostler::out
