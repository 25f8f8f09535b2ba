#include "libmailcore/store/memory_store.h"

#include <map>

#include "libmailcore/store/memory/account.h"

namespace ostler::store {
namespace {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(Loop& loop) : loop_(loop) {}

  Task<Result<std::shared_ptr<Account>>> open(Id128 account, UniqueFd, Quota limits) override {
    std::shared_ptr<memory::Data>& data = accounts_[account];
    if (!data) data = std::make_shared<memory::Data>();
    data->limits = limits;
    std::shared_ptr<Account> handle = memory::makeAccount(loop_, data);
    co_return handle;
  }

 private:
  Loop& loop_;
  std::map<Id128, std::shared_ptr<memory::Data>> accounts_;
};

}  // namespace

std::unique_ptr<Store> makeMemoryStore(Loop& loop) { return std::make_unique<MemoryStore>(loop); }

}  // namespace ostler::store
