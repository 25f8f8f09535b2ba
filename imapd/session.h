// session.h - Session: one client, from greeting to goodbye. One coroutine, one loop, no lock.
// Its parts: session.cc (dialogue), session_read.cc (commands and literals in), session_output.cc (large answers out),
// session_login.cc, session_select.cc (the selected mailbox and its updates), commands/ (one file per command).
// commands.h is the protocol in a table. RFC 9051; RFC 3501 for clients that do not ENABLE IMAP4rev2.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/log/session_lines.h"
#include "libmailcore/net/connection.h"

#include "imapd/context.h"
#include "imapd/fetch/renderer.h"
#include "imapd/grammar/list_arguments.h"
#include "imapd/grammar/mailbox_name.h"
#include "imapd/grammar/reader.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/reply.h"
#include "imapd/updates.h"
#include "imapd/view.h"

namespace ostler::imap {

struct Command;
struct SearchArguments;
struct SearchProgram;

/// The arguments of a command on their way to its handler.
struct Invocation {
  Addressing addressing = Addressing::number;
  Reader in;  ///< behind the verb; views the session's command, which stays until the handler returns
};

class Session {
 public:
  Session(Worker& worker, Accepted accepted);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The whole dialogue. Call once.
  [[nodiscard]] Task<void> run();
  /// Ends the session with BYE as soon as the command at hand is done. Loop's thread.
  void drain() { endSoon(kShutdown); }

  using Handler = Task<Reply> (Session::*)(Invocation);

  // One file each in commands/.
  Task<Reply> capability(Invocation call);
  Task<Reply> noop(Invocation call);
  Task<Reply> logout(Invocation call);
  Task<Reply> id(Invocation call);
  Task<Reply> startTls(Invocation call);
  Task<Reply> authenticate(Invocation call);
  Task<Reply> login(Invocation call);
  Task<Reply> enable(Invocation call);
  Task<Reply> select(Invocation call);
  Task<Reply> examine(Invocation call);
  Task<Reply> create(Invocation call);
  Task<Reply> deleteMailbox(Invocation call);
  Task<Reply> rename(Invocation call);
  Task<Reply> subscribe(Invocation call);
  Task<Reply> unsubscribe(Invocation call);
  Task<Reply> list(Invocation call);
  Task<Reply> lsub(Invocation call);
  Task<Reply> nameSpace(Invocation call);
  Task<Reply> status(Invocation call);
  Task<Reply> append(Invocation call);
  Task<Reply> idle(Invocation call);
  Task<Reply> getQuota(Invocation call);
  Task<Reply> getQuotaRoot(Invocation call);
  Task<Reply> close(Invocation call);
  Task<Reply> unselect(Invocation call);
  Task<Reply> expunge(Invocation call);
  Task<Reply> search(Invocation call);
  Task<Reply> sort(Invocation call);
  Task<Reply> thread(Invocation call);
  Task<Reply> fetch(Invocation call);
  Task<Reply> store(Invocation call);
  Task<Reply> copy(Invocation call);
  Task<Reply> move(Invocation call);

 private:
  /// What ENABLE and its equivalents have turned on.
  struct Enabled {
    bool rev2 = false;
    bool utf8 = false;
    bool condStore = false;
    bool qresync = false;
  };
  /// A selected mailbox: RFC 9051 3.3.
  struct Selected {
    View view;
    UidSet saved;  ///< "$": RFC 5182
    std::unique_ptr<store::Watch> watch;
    bool changed = false;  ///< something happened that the client has not been told of
  };

  /// Why we end a session that did nothing wrong.
  struct Ending {
    const char* reason;  ///< for the log
    const char* code;    ///< RFC 5530
    const char* words;
  };
  static constexpr Ending kShutdown{"shutdown", "UNAVAILABLE", "Server is shutting down"};
  static constexpr Ending kShutOut{"shut-out", "CONTACTADMIN", "Your account was disabled or removed"};

  enum class Subscription { on, off };
  enum class Transfer { copy, move };

  // session.cc
  void greet();
  [[nodiscard]] Task<void> serve();
  [[nodiscard]] Task<void> execute();
  [[nodiscard]] const Command* dispatch(Reader& in, std::string& tag, std::optional<Reply>& refused);
  [[nodiscard]] unsigned state() const;
  void bye(std::string_view text);
  void endSoon(const Ending& ending);
  [[nodiscard]] Reply answerTo(
      const Error& error) const;  ///< statusFor(), and the detail for the log where it is our trouble
  void endFor(const Error& error);
  [[nodiscard]] Deadline inputDeadline() const;
  [[nodiscard]] Deadline outputDeadline() const { return Deadline::after(std::chrono::minutes(5)); }
  [[nodiscard]] bool secure() const { return connection_.tls() != nullptr; }
  [[nodiscard]] bool passwordsAllowed() const;
  [[nodiscard]] std::string capabilities() const;
  [[nodiscard]] std::uint64_t appendLimit() const;
  void logEnd();

  // session_read.cc
  [[nodiscard]] Task<Result<void>> readCommand();
  [[nodiscard]] Task<Result<std::string>> readLineText(std::size_t most);
  [[nodiscard]] Task<Result<void>> readOctets(std::string& into, std::uint64_t count);
  [[nodiscard]] Task<Result<void>> skipOctets(std::uint64_t count);
  [[nodiscard]] bool isMessageLiteral() const;
  void acknowledgeNow();

  // session_output.cc
  void write(std::string_view octets) { connection_.write(octets); }
  [[nodiscard]] Task<Result<void>> send(const Output& output);
  [[nodiscard]] Task<Result<void>> sendText(std::string_view text);
  [[nodiscard]] Task<Result<void>> sendContent(const Output::Insert& insert);

  // session_login.cc
  [[nodiscard]] Task<Reply> logIn(std::string mechanism, std::optional<std::string> initial);
  [[nodiscard]] Task<Result<ipc::Client::Answer<ipc::LoginReply>>> askAuth(std::string mechanism,
                                                                           std::optional<std::string> initial);
  [[nodiscard]] Task<Result<std::string>> challenge(std::string data);
  [[nodiscard]] Task<Reply> enterAccount(ipc::LoginReply reply, UniqueFd folder);
  [[nodiscard]] Reply loginFailed(const ipc::LoginReply& reply);
  [[nodiscard]] Reply refusedInClearText();
  [[nodiscard]] log::SessionFacts facts(const std::string& user) const;
  void tellFailedLogin(std::string_view reason) const;  ///< of loginName_ by mechanism_
  [[nodiscard]] std::vector<std::string> mechanisms() const;
  [[nodiscard]] ipc::SessionInfo sessionInfo() const;

  // session_select.cc
  [[nodiscard]] Task<Reply> openMailbox(Invocation call, Access access);
  void leaveMailbox();
  void noticed(const store::ChangeHint& hint);
  [[nodiscard]] Task<Result<void>> synchronize(Expunges expunges);
  [[nodiscard]] Task<Result<void>> loadNumbers();
  [[nodiscard]] Task<Result<UidSet>> resolve(SequenceSet set, Addressing addressing);
  [[nodiscard]] UidSet uidsOf(const SequenceSet& set, Addressing addressing) const;
  [[nodiscard]] UpdateForm updateForm() const { return {enabled_.condStore, enabled_.qresync}; }
  [[nodiscard]] View& view() { return selected_->view; }
  void enableCondStore();

  // Shared by several commands.
  [[nodiscard]] NameForm nameForm() const { return enabled_.rev2 || enabled_.utf8 ? NameForm::utf8 : NameForm::utf7; }
  [[nodiscard]] Result<std::string> readMailbox(Reader& in) const;
  void appendStatus(std::string& out, const store::MailboxInfo& mailbox, const std::vector<StatusItem>& items) const;
  [[nodiscard]] Task<Reply> changeSubscription(Invocation call, Subscription wanted);
  [[nodiscard]] Task<Reply> transfer(Invocation call, Transfer how);
  struct Incoming;
  [[nodiscard]] Task<Result<void>> receiveIntoFile(store::NewMessage& into, std::uint64_t size);
  [[nodiscard]] Task<Result<void>> receiveMessage(Incoming& incoming, store::NewMessage message);
  [[nodiscard]] std::optional<std::string> nextOptions(std::string_view line, std::string_view closing,
                                                       Incoming& incoming);
  [[nodiscard]] Task<Result<void>> receiveAll(Incoming& incoming, std::string firstOptions, store::MailboxId mailbox);
  [[nodiscard]] Reply lost(const Error& error);
  struct Fetched {
    std::uint64_t messages = 0;
    bool unknownEncoding = false;
  };
  [[nodiscard]] Task<Result<void>> tellVanishedSince(store::ModSeq since, UidSet among);
  [[nodiscard]] Task<Result<Fetched>> fetchAll(UidSet uids, std::shared_ptr<const FetchPlan> plan);
  [[nodiscard]] Task<Result<void>> markSeen(UidSet uids, FetchPlan::Seen seen);
  [[nodiscard]] Result<SearchProgram> compile(const SearchArguments& arguments) const;
  struct Matches {
    UidSet uids;
    store::ModSeq highestModSeq = 0;
  };
  [[nodiscard]] Task<Result<Matches>> findAll(const SearchArguments& arguments);
  [[nodiscard]] Reply searchFailed(const Error& error) const;
  [[nodiscard]] Task<Result<UidSet>> searchAll(std::shared_ptr<const SearchProgram> program,
                                               store::ModSeq& highestModSeq);
  [[nodiscard]] Task<Reply> idleUntilDone();

  Worker& worker_;
  net::Connection connection_;
  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const net::TlsServerContext> startTls_;
  net::Endpoint peer_;
  net::Endpoint local_;
  Id128 sessionId_;
  Deadline loginDeadline_;

  std::string command_;  // what the client sent, literals included
  std::string tag_;
  std::optional<LiteralMark> literal_;  // APPEND: a message that has not been read yet
  unsigned errors_ = 0;
  std::uint64_t sentDirectly_ = 0;  // octets that the connection did not count
  std::string loginName_;           // as the client gave it, for the log
  bool ended_ = false;
  const Ending* ending_ = nullptr;  ///< set: as soon as the command at hand is done
  bool idling_ = false;
  bool answered_ = false;  // the handler has sent its tagged answer itself
  std::string endReason_ = "closed";

  Enabled enabled_;
  ipc::Account identity_;
  std::string mechanism_;
  UserConnections::Place place_;
  daemon::LoggedIn::Place presence_;
  UniqueFd folder_;
  std::shared_ptr<store::Account> account_;
  std::unique_ptr<Selected> selected_;
};

}  // namespace ostler::imap
