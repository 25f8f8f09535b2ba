// one_account_store.h - the store of this machine in a folder of its own, where every account is the same one. For tests whose auth
// hands over no folder.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "libmailcore/ipc/login.h"
#include "libmailcore/store/local_store.h"
#include "tests/unit/support/temporary_folder.h"

namespace ostler::test {

class OneAccountStore final : public store::Store {
 public:
  explicit OneAccountStore(Loop& loop) {
    store::LocalOptions options;
    options.notifyDir = folder_.file("notify");
    auto shared = store::makeLocalShared(std::move(options));
    if (!shared) throw std::runtime_error(shared.error().detail);
    store_ = store::makeLocalStore(loop, std::move(*shared));
    ::mkdir(folder_.file("account").c_str(), 0700);
  }
  Task<Result<std::shared_ptr<store::Account>>> open(Id128 account, UniqueFd, store::Quota limits) override {
    return store_->open(account, UniqueFd(::open(folder_.file("account").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), limits);
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace ostler::test
