// control.h - Control: the administrators' socket. A request is words as on a command line, the answer JSON, one value a line.
// Each command has a right; who asked, what and when is logged.
#pragma once

#include "libmailcore/ipc/socket.h"
#include "queued/spool/dispatcher.h"
#include "queued/spool/questions.h"

namespace ostler::control {

/// One loop.
class Control {
 public:
  Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions);
  void serve(ipc::Server& server);

 private:
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  [[nodiscard]] Task<Result<ipc::ControlReply>> answer(Connection from, ipc::ControlRequest request);

  spool::Environment& env_;
  spool::Dispatcher& dispatcher_;
  spool::Questions& questions_;
};

}  // namespace ostler::control
