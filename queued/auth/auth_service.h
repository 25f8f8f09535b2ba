// auth_service.h - what auth answers: logins, tokens, addresses. The only reader of password verifiers in the suite.
// Lives on one loop; what blocks (directory, hashing, folders) runs on pools.
// Invariant: everything that tells "no such user" from "wrong password" stays in here and in the log.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"
#include "libmailcore/directory/own/own_directory.h"
#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/introspection.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/ipc/shut_out.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/log/log.h"
#include "libmailcore/sasl/mechanism.h"
#include "queued/auth/found_cache.h"
#include "queued/auth/lockout.h"
#include "queued/auth/long_answers.h"
#include "queued/auth/login_name.h"
#include "queued/auth/permissions.h"
#include "queued/auth/token_cache.h"
#include "queued/auth/tokens.h"
#include "queued/auth/verified_cache.h"

namespace ostler::queued::auth {

/// Has the user been disabled, or removed, since he logged in?
[[nodiscard]] Result<bool> isShutOut(directory::Directory& directory, const ipc::Account& account);

class AuthService {
 public:
  using LoginAnswer = ipc::Client::Answer<ipc::LoginReply>;
  using Connection = std::shared_ptr<ipc::ServerConnection>;

  /// What it works with. All of it outlives the service, but for what is shared.
  struct Parts {
    Loop& loop;
    Pool& hashing;  ///< argon2id and crypt(3): as many threads as cores
    Pool& directoryReads;
    const Clock& clock;
    log::Log log;
    std::shared_ptr<directory::OwnDirectory> directory;
    std::shared_ptr<const config::Config> config;
    std::string decoyHash;  ///< verified against when there is no such user, so that it takes as long
    std::chrono::milliseconds (*delay)(unsigned failures) = delayAfter;
    /// Asks about a bearer token what only a process with a network can find out. Empty: nobody is there to ask.
    std::function<Task<Result<ipc::Introspected>>(std::string token)> introspect{};
  };
  explicit AuthService(Parts parts);

  /// Registers everything with the server.
  void serve(ipc::Server& server);
  /// After a reload. Logins under way go on with what they began with.
  void replaceConfig(std::shared_ptr<const config::Config> config);

  [[nodiscard]] Task<Result<LoginAnswer>> loginStart(Connection from, ipc::LoginStart request);
  [[nodiscard]] Task<Result<LoginAnswer>> loginContinue(Connection from, ipc::LoginContinue request);
  void loginCancel(const ipc::ServerConnection& from, const ipc::LoginCancel& request);
  [[nodiscard]] Task<Result<ipc::Identity>> whoIs(Connection from, ipc::WhoIs request);
  [[nodiscard]] Task<Result<ipc::Resolution>> resolve(Connection from, ipc::Resolve request);
  [[nodiscard]] Task<Result<ipc::ResolutionPiece>> resolvePiece(Connection from, ipc::ResolvePiece request);
  /// What pop3d and imapd ask so that nobody stays logged in who may not be.
  [[nodiscard]] Task<Result<ipc::DirectoryVersion>> awaitDirectory(Connection from, ipc::AwaitDirectory request);
  /// Something was written to the directory: who waits for a change looks whether it is one.
  void directoryChanged();
  [[nodiscard]] Task<Result<ipc::ShutOut>> whoIsShutOut(Connection from, ipc::WhoIsShutOut request);
  /// {"lockouts"}: who is locked out, a line each, with "--json" of JSON. {"unlock", NAME}: forgets the failures of an account
  /// or client.
  [[nodiscard]] Task<Result<ipc::ControlReply>> control(Connection from, ipc::ControlRequest request);
  void connectionClosed(const ipc::ServerConnection& gone);

  /// For tests: how often a slow hash was computed.
  [[nodiscard]] std::uint64_t slowHashes() const { return slowHashes_->load(); }

 private:
  struct Conversation {
    std::uint64_t connection = 0;
    WallTime started;
    ipc::SessionInfo session;
    std::string mechanismName;
    std::unique_ptr<sasl::Mechanism> mechanism;
    std::shared_ptr<const config::Config> config;
    Candidate candidate;  ///< once the mechanism has named a user
    std::string reason;   ///< why it will fail whatever the client proves: "locked-out"
    std::string told;     ///< what the client hears of that; empty: nothing
  };

  [[nodiscard]] Task<Result<LoginAnswer>> advance(Conversation conversation, sasl::Step step);
  [[nodiscard]] Task<Result<sasl::Step>> findVerifiers(Conversation& conversation, std::string user);
  [[nodiscard]] Task<Result<sasl::Step>> askAboutToken(Conversation& conversation, std::string token);
  [[nodiscard]] Task<Result<sasl::Step>> acceptToken(Conversation& conversation, sasl::AcceptToken asked);
  [[nodiscard]] Task<Result<sasl::Step>> checkPassword(Conversation& conversation, sasl::CheckPassword asked);
  [[nodiscard]] Task<Result<bool>> isPassword(const Conversation& conversation, std::string password);
  [[nodiscard]] Task<Result<Candidate>> lookUp(std::string user, std::string local);
  [[nodiscard]] Task<Result<LoginAnswer>> succeed(Conversation conversation, sasl::Succeeded success);
  [[nodiscard]] Task<Result<LoginAnswer>> refuse(Conversation conversation, sasl::Failed failure);
  [[nodiscard]] LoginAnswer challenge(Conversation conversation, std::string data);
  [[nodiscard]] LoginAnswer unavailable(const Conversation& conversation, const Error& error);

  /// True: it is, and the conversation knows why it will fail.
  [[nodiscard]] bool isLockedOut(Conversation& conversation) const;
  [[nodiscard]] bool isExempt(const Conversation& conversation) const;
  [[nodiscard]] Task<Result<bool>> actsAsItself(const Conversation& conversation, std::string authorizationId);
  [[nodiscard]] sasl::Context saslContext(const ipc::LoginStart& request, const config::AuthSettings& settings) const;
  [[nodiscard]] Result<void> check(const ipc::ServerConnection& from, std::uint16_t request) const;
  [[nodiscard]] ipc::ControlReply lockouts(const ipc::ControlRequest& request) const;
  void dropOldConversations();

  void readKeys();

  Parts parts_;
  Askers askers_;
  std::shared_ptr<const sasl::JwkSet> keys_;  ///< that sign bearer tokens; null: none are good
  LockoutTable lockouts_;
  VerifiedCache verified_;
  Tokens tokens_;
  TokenCache introspected_;
  LongAnswers longAnswers_;
  std::size_t asking_ = 0;  ///< about bearer tokens, at once
  FoundCache found_;
  std::vector<std::shared_ptr<Signal>> awaitingChange_;  ///< of the directory
  std::map<std::uint64_t, Conversation> conversations_;
  std::uint64_t lastConversation_ = 0;
  std::size_t delayed_ = 0;
  std::shared_ptr<std::atomic<std::uint64_t>> slowHashes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace ostler::queued::auth
