#include "queued/control/control.h"

#include <sysexits.h>

namespace ostler::control {

Control::Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions)
    : env_(env), dispatcher_(dispatcher), questions_(questions) {}

void Control::serve(ipc::Server& server) {
  server.on<ipc::ControlRequest>([this](Connection from, ipc::ControlRequest request, const std::vector<UniqueFd>&) {
    return answer(std::move(from), std::move(request));
  });
}

Task<Result<ipc::ControlReply>> Control::answer(Connection from, ipc::ControlRequest request) {
  ipc::ControlReply reply;
  reply.exitCode = EX_USAGE;
  reply.error = "no such command";
  (void)from;
  (void)env_;
  (void)dispatcher_;
  (void)questions_;
  (void)request;
  co_return reply;
}

}  // namespace ostler::control
