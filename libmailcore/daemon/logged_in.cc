#include "libmailcore/daemon/logged_in.h"

#include <algorithm>

#include "libmailcore/ipc/shut_out.h"

namespace ostler::daemon {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kPause{1};  ///< between two changes, and while auth is away

}  // namespace

LoggedIn::Place LoggedIn::enter(const ipc::Account& account, std::uint64_t versionBefore, std::function<void()> onShutOut) {
  Row& row = rows_[account.id];
  row.account = account;
  Place place(*this, account.id, row.sessions.insert(row.sessions.end(), std::move(onShutOut)));
  if (versionBefore != version_) tasks_.spawn(askAbout({account}));
  if (!std::exchange(following_, true)) tasks_.spawn(follow());
  return place;
}

void LoggedIn::left(const Id128& account, Sessions::iterator at) {
  const auto row = rows_.find(account);
  row->second.sessions.erase(at);
  if (row->second.sessions.empty()) rows_.erase(row);
}

std::vector<ipc::Account> LoggedIn::everybody() const {
  std::vector<ipc::Account> accounts;
  for (const auto& [id, row] : rows_) accounts.push_back(row.account);
  return accounts;
}

Task<void> LoggedIn::follow() {
  while (!rows_.empty()) {
    const Deadline deadline = Deadline::after(ipc::AwaitDirectory::kAnswerWithin + kPatience);
    const Result<ipc::DirectoryVersion> heard = co_await auth_.call(ipc::AwaitDirectory{version_}, deadline);
    const bool isFirst = heard && version_ == 0;
    if (heard && heard->version != version_) {
      version_ = heard->version;
      co_await askAbout(everybody());
    }
    if (!isFirst || version_ == 0) co_await loop_.sleepUntil(Deadline::after(kPause));
  }
  following_ = false;
}

Task<void> LoggedIn::askAbout(std::vector<ipc::Account> accounts) {
  for (std::size_t at = 0; at < accounts.size(); at += ipc::WhoIsShutOut::kMost) {
    const auto from = accounts.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(ipc::WhoIsShutOut::kMost, accounts.size() - at));
    ipc::WhoIsShutOut question;
    question.accounts.assign(from, from + count);
    const Result<ipc::ShutOut> answer = co_await auth_.call(std::move(question), Deadline::after(kPatience));
    if (!answer) version_ = 0;  // all of them are asked about again
    if (!answer) co_return;
    for (const Id128& account : answer->accounts) {
      const auto row = rows_.find(account);
      if (row == rows_.end()) continue;
      for (const auto& onShutOut : row->second.sessions) onShutOut();
    }
  }
}

}  // namespace ostler::daemon
