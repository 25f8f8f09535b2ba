#include "queued/tools/setup_directory.h"

#include <algorithm>

#include "libmailcore/directory/resolve.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/sasl/verifiers.h"

namespace ostler::tools {
namespace {

using Edit = directory::OwnDirectory::Edit;

/// What cron jobs and other programs send to each other, and what comes back to them, is for root@mail.example.com or root@localhost.
Result<void> addHostNames(Edit& edit, directory::Domain& domain, const std::string& hostName) {
  for (const std::string& name : {hostName, std::string("localhost")}) {
    const auto owner = edit.domain(name);
    if (owner) continue;  // ours already, or a domain that somebody made of it
    if (owner.error().kind != Error::Kind::notFound) return fail(owner.error());
    if (name != domain.name) domain.aliases.push_back(name);
  }
  return {};
}

Result<void> putDomain(Edit& edit, const FirstUser& first) {
  const auto there = edit.domain(first.domain);
  if (!there && there.error().kind != Error::Kind::notFound) return fail(there.error());
  if (there && there->name != first.domain)
    return fail(Error::Kind::exists, "domain " + first.domain + " is another name of " + there->name + "; set up that one");
  directory::Domain domain = there.value_or(directory::Domain());
  domain.name = first.domain;
  Result<void> done = addHostNames(edit, domain, first.hostName);
  if (done) done = edit.putDomain(domain, there ? Edit::Mode::replace : Edit::Mode::add);
  return done ? edit.setDefaultDomain(first.domain) : done;
}

Result<bool> putUser(Edit& edit, const FirstUser& first, const sasl::Verifiers& verifiers) {
  const auto there = edit.user(first.domain, first.localPart);
  if (there) return false;
  if (there.error().kind != Error::Kind::notFound) return fail(there.error());
  directory::User user;
  user.domain = first.domain;
  user.localPart = first.localPart;
  user.verifiers = verifiers;
  const auto stored = edit.putUser(user, Edit::Mode::add);
  if (!stored) return fail(stored.error());
  return true;
}

/// Unless somebody is root, or the aliases file says who reads root's mail.
Result<void> putRoot(Edit& edit, const FirstUser& first) {
  if (edit.user(first.domain, "root") || edit.alias(first.domain, "root")) return {};
  const directory::Address reader{first.localPart, first.domain};
  return edit.putAlias({first.domain, "root", {reader.text()}}, Edit::Mode::add);
}

std::string readerOf(directory::OwnDirectory& directory, const directory::ResolveOptions& options, const std::string& address) {
  const auto found = directory::resolve(directory, options, address);
  if (!found) return "";
  std::string words;
  const auto add = [&words](const std::string& reader) { words += (words.empty() ? "" : ", ") + reader; };
  for (const ipc::Account& account : found->accounts) add(account.address);
  for (const auto* const more : {&found->remote, &found->files, &found->pipes}) std::for_each(more->begin(), more->end(), add);
  return words;
}

}  // namespace

Result<bool> setUpDirectory(directory::OwnDirectory& directory, const FirstUser& first) {
  const auto verifiers = sasl::makeVerifiers(first.password, {});
  if (!verifiers) return fail(verifiers.error());
  const auto inFile = directory.alias("", "root");
  if (!inFile) return fail(inFile.error());
  bool isNew = false;
  const Result<void> done = directory.edit([&](Edit& edit) -> Result<void> {
    const Result<void> domain = putDomain(edit, first);
    if (!domain) return domain;
    const Result<bool> user = putUser(edit, first, *verifiers);
    if (!user) return fail(user.error());
    isNew = *user;
    return *inFile ? Result<void>() : putRoot(edit, first);
  });
  if (!done) return fail(done.error());
  return isNew;
}

std::string readersOf(directory::OwnDirectory& directory, const config::Config& config, const std::string& domain) {
  const directory::ResolveOptions options = directory::resolveOptions(config);
  const std::string postmaster = "postmaster@" + domain;
  const std::string root = "root@" + domain;
  const std::string first = readerOf(directory, options, postmaster);
  const std::string second = readerOf(directory, options, root);
  const auto line = [](const std::string& reader, const std::string& whose) {
    return (reader.empty() ? "nobody" : reader) + " reads the mail of " + whose + "\n";
  };
  return first == second ? line(first, postmaster + " and " + root) : line(first, postmaster) + line(second, root);
}

}  // namespace ostler::tools
