// control.h - Control: the administrators' socket. A request is words as on a command line; the answer is what the tool prints,
// JSON one value a line where that was asked for. Each command has a right; who asked, what and when is logged.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>

#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/socket.h"
#include "queued/control/listing.h"
#include "queued/control/operators.h"
#include "queued/spool/dispatcher.h"
#include "queued/spool/questions.h"
#include "queued/spool/watch_list.h"

namespace ostler::control {

/// What a command may do, and so who may give it.
enum class Right {
  look,    ///< whoever may open the socket
  change,  ///< root and the suite's own user
};

/// Whose command it is.
enum class Reach {
  suite,    ///< about everything
  servers,  ///< operators of virtual servers may give it: it then concerns mail that came in there alone
};

/// The words behind the command: options with their values, and the rest.
struct Arguments {
  std::vector<std::string> options;  ///< "--json"
  std::vector<std::pair<std::string, std::string>> values;  ///< "--id", "01m8..."
  std::vector<std::string> words;
  std::optional<std::vector<std::string>> servers;  ///< an operator asks: of these alone
  [[nodiscard]] bool reaches(std::string_view server) const;
  [[nodiscard]] bool has(std::string_view option) const;
  [[nodiscard]] std::string value(std::string_view option) const;
};

/// Where a page of an answer that goes on ends: below ipc::kMaxFrame, whatever the last line adds.
inline constexpr std::size_t kPageOctets = 700 * 1024;
[[nodiscard]] ipc::ControlReply refuse(std::uint8_t exitCode, std::string error);

/// One loop.
class Control {
 public:
  Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions, spool::WatchList& watches);
  void serve(ipc::Server& server);
  /// Who may do what from now on. `socket`: the one that is served.
  void use(const config::Config& config, const std::string& socket);
  /// How the socket is to be opened.
  [[nodiscard]] unsigned socketMode() const { return operators_.any() ? 0666 : 0660; }

  using Reply = ipc::ControlReply;
  using Handler = Task<Reply> (Control::*)(Arguments arguments, std::string cursor);
  struct Command {
    std::string_view noun;
    std::string_view verb;  ///< empty: none
    Right right;
    Reach reach;
    Handler handler;
    std::string_view options;  ///< that it takes, beside --json
    /// Its answer waits until what it did is synced.
    [[nodiscard]] bool isJournalled() const { return right == Right::change && noun == "queue" && verb != "export"; }
  };
  [[nodiscard]] static std::span<const Command> commands();

 private:
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  [[nodiscard]] Task<Result<Reply>> answer(Connection from, ipc::ControlRequest request);
  void noteInLives(const std::vector<std::string>& words, uid_t uid);

  // summary.cc
  [[nodiscard]] Task<Reply> summary(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> roles(Arguments arguments, std::string cursor);
  // list_commands.cc
  [[nodiscard]] Task<Reply> list(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> show(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> exportContent(Arguments arguments, std::string cursor);
  // queue_commands.cc
  [[nodiscard]] Task<Reply> retry(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> freeze(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> thaw(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> hold(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> release(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> remove(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> expire(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> holds(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> wait(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> destinations(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> verify(Arguments arguments, std::string cursor);
  // change_commands.cc
  [[nodiscard]] Task<Reply> disable(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> enable(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> move(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> edit(Arguments arguments, std::string cursor);
  // look_commands.cc
  [[nodiscard]] Task<Reply> why(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> writeHistory(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> ages(Arguments arguments, std::string cursor);
  void appendWaits(Reply& reply, const Id128& id, bool json, std::uint64_t first) const;
  // badmail_commands.cc
  [[nodiscard]] Task<Reply> badmailList(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailShow(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailRetry(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailPurge(Arguments arguments, std::string cursor);
  // sender_commands.cc
  [[nodiscard]] Task<Reply> senderList(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> senderFreeze(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> senderThaw(Arguments arguments, std::string cursor);
  // transcript_commands.cc
  [[nodiscard]] Task<Reply> transcriptStart(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> transcriptList(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> transcriptStop(Arguments arguments, std::string cursor);
  // explain.cc
  [[nodiscard]] Task<Reply> explain(Arguments arguments, std::string cursor);

  [[nodiscard]] Task<Reply> layOn(Arguments arguments, spool::Hold hold);
  [[nodiscard]] Task<void> layOnAll(std::string destination, spool::Hold hold);
  void markHold(const Id128& id, spool::Hold hold);
  /// Notes the mark for each message that the words name, and tells the dispatcher of it.
  [[nodiscard]] Task<Reply> markEach(Arguments arguments, spool::MarkRecord mark, void (spool::Dispatcher::*then)(const Id128& id));
  [[nodiscard]] Task<Result<std::vector<Id128>>> select(Arguments arguments);
  /// Those of them that their senders hold back still (RFC 4865): a flush of the queue is no word about them.
  [[nodiscard]] Task<std::set<Id128>> heldBack(std::vector<Id128> among);
  /// All that are filed there (see Queue::idsAfter), of a queue however long: lets others have the loop between them.
  [[nodiscard]] Task<std::vector<Id128>> idsOf(std::string filed);
  [[nodiscard]] Task<void> readBack(std::shared_ptr<spool::Reading> reading);
  /// Reads them back in pieces, on the pool, until `isEnough` if there is one.
  [[nodiscard]] Task<void> showEach(std::vector<Id128> ids, std::function<void(const spool::Message&, const spool::MessageView&)> each,
                                    const bool* isEnough = nullptr);
  [[nodiscard]] Reply exportRecord(const spool::Message& message, std::string_view cursor) const;
  /// Between many messages: lets others have the loop, and the schedule index keep up with what is changed.
  [[nodiscard]] Task<void> letOthersIn(std::size_t done);

  spool::Environment& env_;
  spool::Dispatcher& dispatcher_;
  spool::Questions& questions_;
  spool::WatchList& watches_;
  Operators operators_;
  std::string socket_;
};

}  // namespace ostler::control
