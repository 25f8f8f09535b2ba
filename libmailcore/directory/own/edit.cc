// edit.cc - what a change of the directory may do, and what it must leave true: every user and alias has its domain,
// every name of a domain means one domain, every id one user.
#include <algorithm>

#include "libmailcore/base/clock.h"
#include "libmailcore/directory/alias_target.h"
#include "libmailcore/directory/own/own_directory.h"
#include "libmailcore/directory/own/tables.h"
#include "libmailcore/net/address.h"

namespace ostler::directory {

using own::encodeRecord;
using own::keyOf;
using own::readRecord;

namespace {

using Edit = OwnDirectory::Edit;

Result<void> checkSize(const Alias& alias) {
  if (alias.targets.size() <= kMostPlaces) return {};
  const std::string name = alias.domain.empty() ? alias.localPart : alias.address();
  return fail(Error::Kind::limit, "alias " + name + " leads to " + std::to_string(alias.targets.size()) + " places, and may to " +
                                      std::to_string(kMostPlaces) + ": divide it");
}

/// Brings all names of a domain into canonical form. Errors: syntax.
Result<void> canonicalise(Domain& domain) {
  Result<std::string> name = canonicalDomain(domain.name);
  if (!name) return fail(name.error());
  domain.name = std::move(*name);
  for (std::string& alias : domain.aliases) {
    Result<std::string> canonical = canonicalDomain(alias);
    if (!canonical) return fail(canonical.error());
    alias = std::move(*canonical);
  }
  if (!domain.catchAll.empty()) {
    const Result<AliasTarget> target = parseAliasTarget(domain.catchAll);
    if (!target || target->kind != AliasTarget::Kind::address) {
      return fail(Error::Kind::syntax, "catch-all: \"" + domain.catchAll + "\" is not an address");
    }
    domain.catchAll = target->text;
  }
  for (std::string& address : domain.loginAddresses) {
    const Result<net::IpAddress> ip = net::IpAddress::parse(address);
    if (!ip) return fail(ip.error());
    address = ip->text();
  }
  return {};
}

tl::unexpected<Error> noDomain(std::string_view name) {
  return fail(Error::Kind::notFound, "domain " + std::string(name) +
                                         " does not exist; add it with `ostler domain add " + std::string(name) + "`");
}

/// "*" in a list of send-as addresses: "@domain". Errors: syntax.
Result<std::string> canonicalSendAs(std::string_view text) {
  const bool wholeDomain = !text.empty() && text.front() == '@';
  const Result<Address> address = parseAddress(wholeDomain ? "x" + std::string(text) : std::string(text));
  if (!address) return fail(address.error());
  if (address->domain.empty()) return fail(Error::Kind::syntax, "send-as: \"" + std::string(text) + "\" has no domain");
  const Result<std::string> domain = canonicalDomain(address->domain);
  const Result<std::string> local = foldLocalPart(address->localPart);
  if (!domain) return fail(domain.error());
  if (!local) return fail(local.error());
  return wholeDomain ? "@" + *domain : Address{*local, *domain}.text();
}

}  // namespace

Result<Domain> Edit::domain(std::string_view name) const {
  const Result<std::string> canonical = canonicalDomain(name);
  if (!canonical) return fail(canonical.error());
  Result<std::optional<Domain>> found = own::readDomain(transaction_, tables_, tables_.domainNames, *canonical);
  if (!found) return fail(found.error());
  if (!*found) return noDomain(name);
  return std::move(**found);
}

Result<void> Edit::claimNames(const Domain& domain) {
  std::vector<std::string> names = domain.aliases;
  names.push_back(domain.name);
  for (const std::string& name : names) {
    const auto owner = transaction_.get(tables_.domainNames, name);
    if (!owner) return fail(owner.error());
    if (*owner) {
      return fail(Error::Kind::exists, "domain " + name + " exists already" +
                                           (**owner == name ? "" : ", as another name of " + std::string(**owner)));
    }
    const Result<void> put = transaction_.put(tables_.domainNames, name, domain.name);
    if (!put) return put;
  }
  for (const std::string& address : domain.loginAddresses) {
    const auto owner = transaction_.get(tables_.addresses, address);
    if (!owner) return fail(owner.error());
    if (*owner) return fail(Error::Kind::exists, "address " + address + " belongs to domain " + std::string(**owner));
    const Result<void> put = transaction_.put(tables_.addresses, address, domain.name);
    if (!put) return put;
  }
  return {};
}

Result<void> Edit::releaseNames(const Domain& domain) {
  std::vector<std::string> names = domain.aliases;
  names.push_back(domain.name);
  for (const std::string& name : names) {
    const Result<bool> erased = transaction_.erase(tables_.domainNames, name);
    if (!erased) return fail(erased.error());
  }
  for (const std::string& address : domain.loginAddresses) {
    const Result<bool> erased = transaction_.erase(tables_.addresses, address);
    if (!erased) return fail(erased.error());
  }
  return {};
}

Result<void> Edit::putDomain(Domain domain, Mode mode) {
  const Result<void> canonical = canonicalise(domain);
  if (!canonical) return canonical;
  if (mode == Mode::replace) {
    const Result<std::optional<Domain>> old = readRecord<Domain>(transaction_, tables_.domains, domain.name);
    if (!old) return fail(old.error());
    if (!*old) return noDomain(domain.name);
    const Result<void> released = releaseNames(**old);
    if (!released) return released;
  }
  const Result<void> claimed = claimNames(domain);
  if (!claimed) return claimed;
  const auto first = transaction_.get(tables_.meta, own::kDefaultDomainKey);
  if (!first) return fail(first.error());
  if (!*first) {
    const Result<void> put = transaction_.put(tables_.meta, own::kDefaultDomainKey, domain.name);
    if (!put) return put;
  }
  return transaction_.put(tables_.domains, domain.name, encodeRecord(domain));
}

Result<void> Edit::removeDomain(std::string_view name) {
  const Result<Domain> there = domain(name);
  if (!there) return fail(there.error());
  for (const MDB_dbi table : {tables_.users, tables_.aliases}) {
    lmdb::Cursor cursor(transaction_, table, keyOf(there->name, ""));
    if (cursor.next()) {
      return fail(Error::Kind::permanent, "domain " + there->name + " still has " +
                                              (table == tables_.users ? "users" : "aliases") + "; delete them first");
    }
  }
  const Result<void> released = releaseNames(*there);
  if (!released) return released;
  const auto standard = transaction_.get(tables_.meta, own::kDefaultDomainKey);
  if (!standard) return fail(standard.error());
  const bool wasDefault = *standard && **standard == there->name;
  const Result<bool> erased = transaction_.erase(tables_.domains, there->name);
  if (!erased) return fail(erased.error());
  if (!wasDefault) return {};
  const Result<bool> forgotten = transaction_.erase(tables_.meta, own::kDefaultDomainKey);
  if (!forgotten) return fail(forgotten.error());
  lmdb::Cursor next(transaction_, tables_.domains, "");
  if (!next.next()) return {};
  return transaction_.put(tables_.meta, own::kDefaultDomainKey, std::string(next.key()));
}

Result<void> Edit::setDefaultDomain(std::string_view name) {
  const Result<Domain> there = domain(name);
  if (!there) return fail(there.error());
  return transaction_.put(tables_.meta, own::kDefaultDomainKey, there->name);
}

Result<std::uint64_t> Edit::countUsers(std::string_view domain) const {
  std::uint64_t count = 0;
  lmdb::Cursor cursor(transaction_, tables_.users, keyOf(domain, ""));
  while (cursor.next()) ++count;
  if (cursor.error() != 0) return lmdb::errorOf(cursor.error(), "count users");
  return count;
}

Result<User> Edit::user(std::string_view domainName, std::string_view localPart) const {
  const Result<Domain> of = domain(domainName);
  if (!of) return fail(of.error());
  const Result<std::string> folded = foldLocalPart(localPart);
  if (!folded) return fail(folded.error());
  Result<std::optional<User>> found = readRecord<User>(transaction_, tables_.users, keyOf(of->name, *folded));
  if (!found) return fail(found.error());
  if (!*found) return fail(Error::Kind::notFound, "user " + Address{*folded, of->name}.text() + " does not exist");
  return std::move(**found);
}

Result<User> Edit::putUser(User user, Mode mode) {
  const Result<Domain> of = domain(user.domain);
  if (!of) return fail(of.error());
  Result<std::string> folded = foldLocalPart(user.localPart);
  if (!folded) return fail(folded.error());
  user.domain = of->name;
  user.localPart = std::move(*folded);
  for (std::string& address : user.sendAs) {
    Result<std::string> canonical = canonicalSendAs(address);
    if (!canonical) return fail(canonical.error());
    address = std::move(*canonical);
  }
  const std::string key = keyOf(user.domain, user.localPart);
  const Result<std::optional<User>> old = readRecord<User>(transaction_, tables_.users, key);
  if (!old) return fail(old.error());
  if (mode == Mode::add) {
    if (*old)
      return fail(Error::Kind::exists, "user " + user.address() + " exists already; change it with `ostler user set`");
    if (of->users != 0) {
      const Result<std::uint64_t> count = countUsers(of->name);
      if (!count) return fail(count.error());
      if (*count >= of->users) {
        return fail(Error::Kind::limit,
                    "domain " + of->name + " may have " + std::to_string(of->users) + " users and has them");
      }
    }
    if (user.id.isNull()) user.id = Id128::make(SystemClock().now());
    const auto taken = transaction_.get(tables_.userIds, user.id.octets());
    if (!taken) return fail(taken.error());
    if (*taken) return fail(Error::Kind::exists, "account id " + user.id.text() + " belongs to another user");
  } else {
    if (!*old)
      return fail(Error::Kind::notFound, "user " + user.address() + " does not exist; add it with `ostler user add`");
    user.id = (*old)->id;
  }
  const Result<void> byId = transaction_.put(tables_.userIds, user.id.octets(), key);
  if (!byId) return fail(byId.error());
  if (user.admin) {
    const Result<void> listed = transaction_.put(tables_.admins, user.id.octets(), key);
    if (!listed) return fail(listed.error());
  } else {
    const Result<bool> unlisted = transaction_.erase(tables_.admins, user.id.octets());
    if (!unlisted) return fail(unlisted.error());
  }
  const Result<void> put = transaction_.put(tables_.users, key, encodeRecord(user));
  if (!put) return fail(put.error());
  return user;
}

Result<User> Edit::removeUser(std::string_view domainName, std::string_view localPart) {
  Result<User> there = user(domainName, localPart);
  if (!there) return there;
  const std::string key = keyOf(there->domain, there->localPart);
  const std::pair<MDB_dbi, std::string_view> rows[] = {
      {tables_.users, key}, {tables_.userIds, there->id.octets()}, {tables_.admins, there->id.octets()}};
  for (const auto& [table, rowKey] : rows) {
    const Result<bool> erased = transaction_.erase(table, rowKey);
    if (!erased) return fail(erased.error());
  }
  return there;
}

Result<Alias> Edit::alias(std::string_view domainName, std::string_view localPart) const {
  const Result<Domain> of = domain(domainName);
  if (!of) return fail(of.error());
  const Result<std::string> folded = foldLocalPart(localPart);
  if (!folded) return fail(folded.error());
  Result<std::optional<Alias>> found = readRecord<Alias>(transaction_, tables_.aliases, keyOf(of->name, *folded));
  if (!found) return fail(found.error());
  if (!*found) return fail(Error::Kind::notFound, "alias " + Address{*folded, of->name}.text() + " does not exist");
  return std::move(**found);
}

Result<void> Edit::putAlias(Alias alias, Mode mode) {
  const Result<Domain> of = domain(alias.domain);
  if (!of) return fail(of.error());
  Result<std::string> folded = foldLocalPart(alias.localPart);
  if (!folded) return fail(folded.error());
  alias.domain = of->name;
  alias.localPart = std::move(*folded);
  if (alias.targets.empty())
    return fail(Error::Kind::syntax, "alias " + alias.address() + " leads nowhere: give it a target");
  const Result<void> fits = checkSize(alias);
  if (!fits) return fits;
  for (std::string& text : alias.targets) {
    const Result<AliasTarget> target = parseAliasTarget(text);
    if (!target) return fail(target.error());
    text = formatAliasTarget(*target);
  }
  const std::string key = keyOf(alias.domain, alias.localPart);
  const auto old = transaction_.get(tables_.aliases, key);
  if (!old) return fail(old.error());
  if (mode == Mode::add && *old)
    return fail(Error::Kind::exists, "alias " + alias.address() + " exists already; change it with `ostler alias set`");
  if (mode == Mode::replace && !*old)
    return fail(Error::Kind::notFound, "alias " + alias.address() + " does not exist; add it with `ostler alias add`");
  return transaction_.put(tables_.aliases, key, encodeRecord(alias));
}

Result<void> Edit::removeAlias(std::string_view domainName, std::string_view localPart) {
  const Result<Alias> there = alias(domainName, localPart);
  if (!there) return fail(there.error());
  const Result<bool> erased = transaction_.erase(tables_.aliases, keyOf(there->domain, there->localPart));
  if (!erased) return fail(erased.error());
  return {};
}

Result<void> Edit::replaceFileAliases(const std::vector<Alias>& aliases) {
  std::vector<std::string> keys;
  {
    lmdb::Cursor cursor(transaction_, tables_.aliases, keyOf("", ""));
    while (cursor.next()) keys.emplace_back(cursor.key());
    if (cursor.error() != 0) return lmdb::errorOf(cursor.error(), "list aliases");
  }
  for (const std::string& key : keys) {
    const Result<bool> erased = transaction_.erase(tables_.aliases, key);
    if (!erased) return fail(erased.error());
  }
  for (const Alias& alias : aliases) {
    const Result<void> fits = checkSize(alias);
    if (!fits) return fits;
    const Result<void> put = transaction_.put(tables_.aliases, keyOf("", alias.localPart), encodeRecord(alias));
    if (!put) return put;
  }
  return {};
}

}  // namespace ostler::directory
