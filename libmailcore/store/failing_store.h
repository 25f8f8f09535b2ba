// failing_store.h - a store that answers with errors when a test wants it to, and passes everything else on.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "libmailcore/store/store.h"

namespace ostler::store {

/// The errors to come, by the name of the call: "append", "visit", ... One thread.
class Faults {
 public:
  void next(const std::string& call, Error error) { queued_[call].push_back(std::move(error)); }
  void always(const std::string& call, Error error) { always_[call] = std::move(error); }
  /// As a dialogue says it: "append fails temporary" (once). False: not of that form.
  [[nodiscard]] bool next(std::string_view words) {
    constexpr std::string_view kFails = " fails ";
    static constexpr std::array<std::pair<std::string_view, Error::Kind>, 4> kKinds = {
        {{"temporary", Error::Kind::temporary}, {"limit", Error::Kind::limit}, {"permanent", Error::Kind::permanent}, {"notFound", Error::Kind::notFound}}};
    const std::size_t at = words.find(kFails);
    if (at == std::string_view::npos) return false;
    for (const auto& [name, kind] : kKinds) {
      if (words.substr(at + kFails.size()) != name) continue;
      next(std::string(words.substr(0, at)), Error{kind, "made to fail"});
      return true;
    }
    return false;
  }
  void never(const std::string& call) {
    queued_.erase(call);
    always_.erase(call);
  }
  [[nodiscard]] std::optional<Error> take(const std::string& call) {
    if (auto found = queued_.find(call); found != queued_.end() && !found->second.empty()) {
      Error error = std::move(found->second.front());
      found->second.pop_front();
      return error;
    }
    const auto found = always_.find(call);
    return found == always_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, std::deque<Error>> queued_;
  std::map<std::string, Error> always_;
};

class FailingAccount final : public Account {
 public:
  FailingAccount(std::shared_ptr<Account> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  Task<Result<std::vector<MailboxInfo>>> mailboxes() override { return pass("mailboxes", inner_->mailboxes()); }
  Task<Result<MailboxInfo>> mailbox(std::string name) override { return pass("mailbox", inner_->mailbox(std::move(name))); }
  Task<Result<MailboxInfo>> mailbox(MailboxId id) override { return pass("mailbox", inner_->mailbox(id)); }
  Task<Result<Uids>> uids(MailboxId id) override { return pass("uids", inner_->uids(id)); }
  Task<Result<void>> visit(MailboxId id, UidSet uids, Columns columns, std::shared_ptr<Visitor> visitor) override {
    return pass("visit", inner_->visit(id, std::move(uids), columns, std::move(visitor)));
  }
  Task<Result<Changes>> changesSince(MailboxId id, ModSeq since) override {
    return pass("changesSince", inner_->changesSince(id, since));
  }
  Task<Result<std::vector<Appended>>> append(std::vector<NewMessage> messages) override {
    return pass("append", inner_->append(std::move(messages)));
  }
  Task<Result<FlagsChanged>> changeFlags(MailboxId id, UidSet uids, FlagsOperation operation) override {
    return pass("changeFlags", inner_->changeFlags(id, std::move(uids), std::move(operation)));
  }
  Task<Result<Copied>> copy(MailboxId from, UidSet uids, MailboxId to) override {
    return pass("copy", inner_->copy(from, std::move(uids), to));
  }
  Task<Result<Copied>> move(MailboxId from, UidSet uids, MailboxId to) override {
    return pass("move", inner_->move(from, std::move(uids), to));
  }
  Task<Result<UidSet>> expunge(MailboxId id, UidSet among, Expunge which) override {
    return pass("expunge", inner_->expunge(id, std::move(among), which));
  }
  Task<Result<MailboxInfo>> createMailbox(std::string name, SpecialUse specialUse) override {
    return pass("createMailbox", inner_->createMailbox(std::move(name), specialUse));
  }
  Task<Result<void>> deleteMailbox(std::string name) override {
    return pass("deleteMailbox", inner_->deleteMailbox(std::move(name)));
  }
  Task<Result<void>> renameMailbox(std::string from, std::string to) override {
    return pass("renameMailbox", inner_->renameMailbox(std::move(from), std::move(to)));
  }
  Task<Result<void>> subscribe(std::string name, bool subscribed) override {
    return pass("subscribe", inner_->subscribe(std::move(name), subscribed));
  }
  Task<Result<Quota>> quota() override { return pass("quota", inner_->quota()); }
  std::unique_ptr<Watch> watch(std::function<void(ChangeHint)> callback) override { return inner_->watch(std::move(callback)); }
  Task<Result<std::unique_ptr<MaildropLock>>> lockMaildrop() override { return pass("lockMaildrop", inner_->lockMaildrop()); }

 private:
  // Tasks are lazy: a call that fails never started.
  template <class T>
  Task<Result<T>> pass(std::string call, Task<Result<T>> inner) {
    std::optional<Error> error = faults_->take(call);
    if (error) co_return fail(std::move(*error));
    Result<T> result = co_await inner;
    co_return result;
  }

  std::shared_ptr<Account> inner_;
  std::shared_ptr<Faults> faults_;
};

/// "open" can fail too.
class FailingStore final : public Store {
 public:
  FailingStore(std::unique_ptr<Store> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}
  Task<Result<std::shared_ptr<Account>>> open(Id128 account, UniqueFd folder, Quota limits) override {
    std::optional<Error> error = faults_->take("open");
    if (error) co_return fail(std::move(*error));
    Result<std::shared_ptr<Account>> opened = co_await inner_->open(account, std::move(folder), limits);
    if (!opened) co_return opened;
    std::shared_ptr<Account> failing = std::make_shared<FailingAccount>(std::move(*opened), faults_);
    co_return failing;
  }

 private:
  std::unique_ptr<Store> inner_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace ostler::store
