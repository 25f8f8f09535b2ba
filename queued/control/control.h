// control.h - Control: the administrators' socket. A request is words as on a command line; the answer is what the tool prints,
// JSON one value a line where that was asked for. Each command has a right; who asked, what and when is logged.
#pragma once

#include <functional>
#include <span>

#include "libmailcore/ipc/socket.h"
#include "queued/spool/dispatcher.h"
#include "queued/spool/questions.h"

namespace ostler::control {

/// What a command may do, and so who may give it.
enum class Right {
  look,    ///< whoever may open the socket
  change,  ///< root and the suite's own user
};

/// The words behind the command: options with their values, and the rest.
struct Arguments {
  std::vector<std::string> options;  ///< "--json"
  std::vector<std::pair<std::string, std::string>> values;  ///< "--id", "01m8..."
  std::vector<std::string> words;
  [[nodiscard]] bool has(std::string_view option) const;
  [[nodiscard]] std::string value(std::string_view option) const;
};

/// One loop.
class Control {
 public:
  Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions);
  void serve(ipc::Server& server);

  using Reply = ipc::ControlReply;
  using Handler = Task<Reply> (Control::*)(Arguments arguments, std::string cursor);
  struct Command {
    std::string_view noun;
    std::string_view verb;  ///< empty: none
    Right right;
    Handler handler;
  };
  [[nodiscard]] static std::span<const Command> commands();

 private:
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  [[nodiscard]] Task<Result<Reply>> answer(Connection from, ipc::ControlRequest request);

  // queue_commands.cc
  [[nodiscard]] Task<Reply> list(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> summary(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> show(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> retry(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> freeze(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> thaw(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> hold(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> release(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> remove(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> expire(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> exportContent(Arguments arguments, std::string cursor);
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
  [[nodiscard]] Task<Reply> ages(Arguments arguments, std::string cursor);
  // badmail_commands.cc
  [[nodiscard]] Task<Reply> badmailList(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailShow(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailRetry(Arguments arguments, std::string cursor);
  [[nodiscard]] Task<Reply> badmailPurge(Arguments arguments, std::string cursor);
  // explain.cc
  [[nodiscard]] Task<Reply> explain(Arguments arguments, std::string cursor);

  [[nodiscard]] Reply layOn(const Arguments& arguments, spool::Hold hold);
  void layOnAll(const std::string& destination, spool::Hold hold);
  void markHold(const Id128& id, spool::Hold hold);
  [[nodiscard]] Result<std::vector<Id128>> select(const Arguments& arguments);

  spool::Environment& env_;
  spool::Dispatcher& dispatcher_;
  spool::Questions& questions_;
};

}  // namespace ostler::control
