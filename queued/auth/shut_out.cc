// shut_out.cc - who was disabled or removed since he logged in: asked by pop3d and imapd, whose sessions last, whenever the directory has
// changed. Tools write it themselves; directory_watch.h hears of that.
#include "libmailcore/ipc/shut_out.h"
#include "queued/auth/auth_service.h"
#include "queued/auth/permissions.h"

namespace ostler::queued::auth {

Result<bool> isShutOut(directory::Directory& directory, const ipc::Account& account) {
  const std::size_t at = account.address.rfind('@');
  if (at == std::string::npos) return false;
  const Result<std::optional<directory::Domain>> domain = directory.domain(std::string_view(account.address).substr(at + 1));
  if (!domain) return fail(domain.error());
  if (!*domain) return true;
  const Result<std::optional<directory::User>> user = directory.user(**domain, std::string_view(account.address).substr(0, at));
  if (!user) return fail(user.error());
  return !*user || (*user)->disabled || (*user)->id != account.id;
}

Task<Result<ipc::DirectoryVersion>> AuthService::awaitDirectory(Connection from, ipc::AwaitDirectory request) {
  const Result<void> allowed = check(*from, ipc::AwaitDirectory::kType);
  if (!allowed) co_return fail(allowed.error());
  const Deadline patience = Deadline::after(ipc::AwaitDirectory::kAnswerWithin);
  while (parts_.directory->version() == request.version && !patience.passed()) {
    const auto changed = std::make_shared<Signal>(parts_.loop);
    awaitingChange_.push_back(changed);
    const Result<void> woken = co_await changed->wait(patience);
    (void)woken;
  }
  co_return ipc::DirectoryVersion{parts_.directory->version()};
}

void AuthService::directoryChanged() {
  for (const std::shared_ptr<Signal>& one : std::exchange(awaitingChange_, {})) one->set();
}

Task<Result<ipc::ShutOut>> AuthService::whoIsShutOut(Connection from, ipc::WhoIsShutOut request) {
  const Result<void> allowed = check(*from, ipc::WhoIsShutOut::kType);
  if (!allowed) co_return fail(allowed.error());
  if (request.accounts.size() > ipc::WhoIsShutOut::kMost) co_return fail(Error::Kind::limit, "auth: too many accounts at once");
  auto job = [directory = parts_.directory, accounts = std::move(request.accounts)]() -> Result<ipc::ShutOut> {
    ipc::ShutOut out;
    for (const ipc::Account& account : accounts) {
      if (isShutOut(*directory, account).value_or(false)) out.accounts.push_back(account.id);  // one that cannot be read ends no session
    }
    return out;
  };
  Result<ipc::ShutOut> answer = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  co_return answer;
}

}  // namespace ostler::queued::auth
