// fake_directory.h - what auth says to daemons of the directory, as a test wants it: ipc/shut_out.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "libmailcore/ipc/shut_out.h"
#include "libmailcore/ipc/socket.h"

namespace ostler {

/// One loop. Outlives the servers.
struct FakeDirectory {
  explicit FakeDirectory(Loop& ofTest) : loop(ofTest) {}
  void serve(ipc::Server& server) {
    using Connection = std::shared_ptr<ipc::ServerConnection>;
    server.on<ipc::AwaitDirectory>([this](const Connection&, const ipc::AwaitDirectory& request, const std::vector<UniqueFd>&) { return await(request.version); });
    server.on<ipc::WhoIsShutOut>([this](const Connection&, ipc::WhoIsShutOut request, const std::vector<UniqueFd>&) { return answer(std::move(request)); });
  }
  void disable(const std::string& address) {
    disabled.insert(address);
    ++version;
  }

  Loop& loop;
  std::uint64_t version = 7;
  std::set<std::string> disabled;
  int asked = 0;
  std::size_t mostAtOnce = 0;

 private:
  Task<Result<ipc::DirectoryVersion>> await(std::uint64_t known) {
    while (version == known) co_await loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
    co_return ipc::DirectoryVersion{version};
  }
  Task<Result<ipc::ShutOut>> answer(ipc::WhoIsShutOut request) {
    ++asked;
    mostAtOnce = std::max(mostAtOnce, request.accounts.size());
    ipc::ShutOut out;
    for (const ipc::Account& account : request.accounts) {
      if (disabled.contains(account.address)) out.accounts.push_back(account.id);
    }
    co_return out;
  }
};

}  // namespace ostler
