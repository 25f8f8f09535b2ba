// worker.h - what the sessions of one worker thread share. All of it outlives them.
#pragma once

#include "libmailcore/async/gate.h"
#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/daemon/logged_in.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/store.h"

namespace ostler::pop3 {

struct Worker {
  Loop& loop;
  Gate& gate;
  ipc::Client& auth;
  daemon::LoggedIn& loggedIn;
  store::Store& store;
  Pool& reading;  ///< for content that is not in the page cache
  const Clock& clock;
  log::Log log;
};

}  // namespace ostler::pop3
