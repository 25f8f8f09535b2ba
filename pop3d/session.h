// session.h - Session: one POP3 client, from greeting to goodbye. One coroutine, one loop, no lock.
// Its parts: session.cc (dialogue), session_auth.cc (AUTHORIZATION), session_transaction.cc (TRANSACTION, UPDATE).
// RFC 1939; RFC 2449 (CAPA, response codes), RFC 2595 4 (STLS), RFC 5034 (AUTH), RFC 6856 (UTF8).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/daemon/service.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/log/session_lines.h"
#include "libmailcore/net/connection.h"
#include "pop3d/maildrop.h"
#include "pop3d/reply.h"
#include "pop3d/worker.h"

namespace ostler::pop3 {

struct Command;

class Session {
 public:
  Session(Worker& worker, daemon::Arrival arrival);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The whole dialogue. Call once.
  [[nodiscard]] Task<void> run();

  /// A command's arguments as its row in the table says they are.
  struct Arguments {
    std::string_view text;
    std::optional<std::uint64_t> first;
    std::optional<std::uint64_t> second;
  };
  using Handler = Task<Reply> (Session::*)(Arguments);

  // AUTHORIZATION
  Task<Reply> capa(Arguments);
  Task<Reply> stls(Arguments);
  Task<Reply> user(Arguments name);
  Task<Reply> pass(Arguments password);
  Task<Reply> auth(Arguments mechanismAndInitial);
  Task<Reply> utf8(Arguments);
  // TRANSACTION
  Task<Reply> stat(Arguments);
  Task<Reply> list(Arguments number);
  Task<Reply> uidl(Arguments number);
  Task<Reply> retr(Arguments number);
  Task<Reply> top(Arguments numberAndLines);
  Task<Reply> dele(Arguments number);
  Task<Reply> noop(Arguments);
  Task<Reply> rset(Arguments);
  // everywhere
  Task<Reply> quit(Arguments);

 private:
  // session.cc
  [[nodiscard]] Task<void> dialogue();
  [[nodiscard]] Task<Reply> execute(std::string line);
  [[nodiscard]] Task<Result<void>> deliver(Reply reply);
  [[nodiscard]] std::optional<Reply> refusal(const Command& command, std::string_view text, Arguments& arguments) const;
  [[nodiscard]] Reply replyForInput(const Error& error);
  [[nodiscard]] unsigned state() const;
  [[nodiscard]] Deadline deadline() const;
  void end(std::string reason);
  void logEnd() const;
  [[nodiscard]] log::SessionFacts facts(const std::string& user) const;

  // session_auth.cc
  [[nodiscard]] bool passwordsAllowed() const;
  [[nodiscard]] bool tlsOffered() const;
  [[nodiscard]] std::vector<std::string> mechanisms() const;
  [[nodiscard]] ipc::SessionInfo info() const;
  [[nodiscard]] Task<Reply> logIn(std::string mechanism, std::optional<std::string> initial);
  [[nodiscard]] Task<Result<std::string>> challenge(std::string data);
  [[nodiscard]] Task<Reply> openMaildrop(ipc::Account account, UniqueFd folder, std::uint64_t versionBefore);
  [[nodiscard]] Reply loginFailed(std::string_view reason, std::string_view words);
  [[nodiscard]] Reply refusedInClearText(std::string_view name);

  // session_transaction.cc
  [[nodiscard]] std::optional<Reply> noSuchMessage(std::uint64_t number) const;
  [[nodiscard]] Task<Reply> send(std::uint64_t number, std::optional<std::uint64_t> bodyLines);

  Worker& worker_;
  daemon::Arrival arrival_;
  net::Connection connection_;
  Id128 id_;
  std::string user_;                    // of USER, then of the account
  std::string owner_;                   // of the maildrop: who logged in
  std::string mechanism_;               // of the last login that was tried
  std::unique_ptr<Maildrop> maildrop_;  // there: TRANSACTION
  unsigned errors_ = 0;
  std::uint64_t retrieved_ = 0;
  std::uint64_t deleted_ = 0;
  daemon::LoggedIn::Place presence_;    // while there is a maildrop
  bool shutOut_ = false;                // its owner was disabled or removed
  bool ended_ = false;
  std::string endReason_;
};

}  // namespace ostler::pop3
