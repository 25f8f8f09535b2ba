// pages.h - what /readyz and /metrics say. Is not: HTTP (server.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/config/config.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::health {

struct Page {
  unsigned status = 200;
  std::string text;
};

/// One loop. Whatever blocks runs on the pool.
class Pages {
 public:
  Pages(Loop& loop, Pool& pool, std::shared_ptr<const config::Config> config);
  void use(std::shared_ptr<const config::Config> config) { config_ = std::move(config); }

  /// 200 when this process serves.
  [[nodiscard]] static Page healthz() { return {200, "ok\n"}; }
  /// 200 when every listener answers, and every process behind them, and the disk has room for mail; 503 with what is not so.
  [[nodiscard]] Task<Page> readyz();
  [[nodiscard]] Task<Page> metrics();

 private:
  /// The spool's answer; empty when there is none.
  [[nodiscard]] Task<std::string> ask(std::vector<std::string> words);
  Loop& loop_;
  Pool& pool_;
  std::shared_ptr<const config::Config> config_;
  ipc::Client control_;
};

}  // namespace ostler::health
