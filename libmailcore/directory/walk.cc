#include "libmailcore/directory/walk.h"

#include <utility>
#include <vector>

#include "libmailcore/base/ascii.h"

namespace ostler::directory {

namespace {

/// A local part without its tag, and the tag; an empty tag if there is none.
struct Tagged {
  std::string_view base;
  std::string_view tag;
};

Tagged splitTag(std::string_view localPart, std::string_view separators) {
  const std::size_t at = separators.empty() ? localPart.npos : localPart.find_first_of(separators);
  if (at == localPart.npos || at == 0 || at + 1 == localPart.size()) return {localPart, ""};
  return {localPart.substr(0, at), localPart.substr(at + 1)};
}

}  // namespace

Result<ipc::Resolution> Walk::from(std::string_view text) {
  const Result<Address> parsed = parseAddress(text);
  if (!parsed) return fail(parsed.error());
  const Result<std::optional<Domain>> standard = directory_.defaultDomain();
  if (!standard) return fail(standard.error());
  Place place;
  if (*standard) place.domain = (*standard)->name;
  const Result<void> walked = address(parsed->text(), place);
  using Kind = ipc::Resolution::Kind;
  if (!walked && walked.error().kind == Error::Kind::limit) {
    ipc::Resolution tooMany;
    tooMany.kind = Kind::tooMany;
    tooMany.address = std::move(out_.address);
    tooMany.steps = std::move(out_.steps);
    tooMany.domain = std::move(out_.domain);
    tooMany.steps.push_back(walked.error().detail);
    return tooMany;
  }
  if (!walked) return fail(walked.error());
  const bool leadsSomewhere =
      !out_.accounts.empty() || !out_.remote.empty() || !out_.files.empty() || !out_.pipes.empty();
  if (leadsSomewhere)
    out_.kind = ours_ ? Kind::local : Kind::remote;
  else if (loop_)
    out_.kind = Kind::loop;
  else if (rejected_)
    out_.kind = Kind::rejected;
  else
    out_.kind = Kind::unknownUser;
  return std::move(out_);
}

Result<void> Walk::checkSize() const {
  if (out_.accounts.size() + out_.remote.size() + out_.files.size() + out_.pipes.size() + done_.size() > kMostPlaces) {
    return fail(Error::Kind::limit, "it leads to more than " + std::to_string(kMostPlaces) + " places");
  }
  return {};
}

void Walk::remote(const Address& address) {
  const Result<std::string> domain = canonicalDomain(address.domain);
  const std::string text = Address{address.localPart, domain ? *domain : asciiLower(address.domain)}.text();
  ++hits_;
  if (remotes_.insert(text).second) out_.remote.push_back(text);
}

Result<void> Walk::address(const std::string& text, const Place& place) {
  const Result<void> fits = checkSize();
  if (!fits) return fits;
  const Result<Address> parsed = parseAddress(text);
  if (!parsed) return fail(parsed.error());
  const std::string domainName = parsed->domain.empty() ? place.domain : parsed->domain;
  if (domainName.empty()) {
    step("\"" + printable(text) + "\" has no domain, and there is no default domain");
    return {};
  }
  const Result<std::string> canonical = canonicalDomain(domainName);
  if (!canonical) {
    // An address literal, or nothing that a directory could know: the route decides.
    step("domain \"" + printable(domainName) + "\" is none of the directory's");
    remote(*parsed);
    return {};
  }
  const Result<std::optional<Domain>> domain = directory_.domain(*canonical);
  if (!domain) return fail(domain.error());
  if (!*domain) {
    step("domain " + *canonical + " is not ours: " + parsed->text() + " is elsewhere");
    remote(*parsed);
    return {};
  }
  ours_ = ours_ || place.depth == 0;
  if (place.depth == 0) out_.domain = (*domain)->name;
  if ((*domain)->name != *canonical) step("domain " + *canonical + " is another name of " + (*domain)->name);
  Place inside = place;
  inside.isHere = parsed->domain.empty() || *canonical == options_.hostName || *canonical == "localhost";
  return local(**domain, parsed->localPart, inside);
}

Result<void> Walk::local(const Domain& domain, const std::string& localPart, const Place& place) {
  const Result<std::string> folded = foldLocalPart(localPart);
  if (!folded) {
    step("\"" + printable(localPart) + "\" cannot be a local part: " + folded.error().detail);
    return {};
  }
  if (place.depth == 0) out_.address = Address{*folded, domain.name}.text();
  const Tagged tagged = splitTag(*folded, options_.tagSeparator);
  std::vector<std::pair<std::string, std::string>> candidates = {{*folded, place.tag}};
  if (!tagged.tag.empty()) {
    // The folder's name keeps the case in which it was written.
    const Tagged asWritten = splitTag(localPart, options_.tagSeparator);
    candidates.emplace_back(std::string(tagged.base), std::string(asWritten.tag));
  }
  using Rule = Result<bool> (Walk::*)(const Domain&, const std::string&, const std::string&, const Place&);
  for (const Rule rule : {Rule{&Walk::aliasOrUser}, Rule{&Walk::fileAlias}}) {
    for (const auto& [name, tag] : candidates) {
      const Result<bool> found = (this->*rule)(domain, name, tag, place);
      if (!found) return fail(found.error());
      if (*found) return {};
    }
  }
  for (const auto& [name, tag] : candidates) {
    const Result<bool> found = wellKnown(domain, name, place);
    if (!found) return fail(found.error());
    if (*found) return {};
  }
  for (const auto& [name, tag] : candidates) {
    const Result<bool> found = systemAccount(name, place);
    if (!found) return fail(found.error());
    if (*found) return {};
  }
  const std::string mark = "catch-all of " + domain.name;
  if (!domain.catchAll.empty() && !path_.contains(mark)) {
    step("nobody is " + *folded + "@" + domain.name + "; its catch-all is " + domain.catchAll);
    path_.insert(mark);
    const Result<void> expanded = address(domain.catchAll, Place{domain.name, "", place.depth + 1, false});
    path_.erase(mark);
    done_.insert(mark);
    return expanded;
  }
  leadsNowhere(*folded + "@" + domain.name, place);
  return {};
}

Result<bool> Walk::aliasOrUser(const Domain& domain, const std::string& folded, const std::string& tag,
                               const Place& place) {
  const std::string mark = folded + "@" + domain.name;
  const Result<std::optional<Alias>> alias = directory_.alias(domain.name, folded);
  if (!alias) return fail(alias.error());
  if (!*alias) return user(domain, folded, tag);
  if (done_.contains(mark)) {
    step("alias " + mark + " has been expanded already");
    return true;
  }
  if (!path_.contains(mark)) {
    const Result<void> expanded = expand(**alias, tag, Place{domain.name, tag, place.depth + 1, false});
    if (!expanded) return fail(expanded.error());
    return true;
  }
  // "alice: alice, bob@example.net": inside its own alias the name means the mailbox.
  const Result<bool> found = user(domain, folded, tag);
  if (!found) return found;
  if (!*found) {
    step("alias " + mark + " leads back to itself");
    loop_ = true;
  }
  return true;
}

Result<bool> Walk::user(const Domain& domain, const std::string& folded, const std::string& tag) {
  const Result<std::optional<User>> found = directory_.user(domain, folded);
  if (!found) return fail(found.error());
  if (!*found) return false;
  ++hits_;
  const std::string suffix = tag.empty() ? "" : ", folder \"" + printable(tag) + "\"";
  if (!accounts_.insert((*found)->id).second) {
    step("user " + (*found)->address() + " has it already");
    return true;
  }
  step("user " + (*found)->address() + suffix);
  out_.accounts.push_back(accountOf(**found, domain));
  out_.mailboxes.push_back(tag);
  return true;
}

Result<bool> Walk::isDefault(const Domain& domain) {
  const Result<std::optional<Domain>> standard = directory_.defaultDomain();
  if (!standard) return fail(standard.error());
  return *standard && (*standard)->name == domain.name;
}

Result<bool> Walk::fileAlias(const Domain& domain, const std::string& folded, const std::string& tag,
                             const Place& place) {
  const Result<bool> counts = isDefault(domain);
  if (!counts || !*counts) return counts;
  const Result<std::optional<Alias>> alias = directory_.alias("", folded);
  if (!alias) return fail(alias.error());
  if (!*alias) return false;
  const std::string mark = folded;
  if (path_.contains(mark)) {
    step("alias " + mark + " of the aliases file leads back to itself");
    loop_ = true;
    return false;  // postmaster: postmaster, root: root: the well-known owners still count
  }
  if (done_.contains(mark)) {
    step("alias " + mark + " of the aliases file has been expanded already");
    return true;
  }
  const Result<void> expanded = expand(**alias, tag, Place{domain.name, tag, place.depth + 1, false});
  if (!expanded) return fail(expanded.error());
  return true;
}

// postmaster is always accepted (RFC 5321 4.5.1), and what the machine sends to root must reach somebody.
Result<bool> Walk::wellKnown(const Domain& domain, const std::string& folded, const Place& place) {
  if (folded != "postmaster" && folded != "root") return false;
  constexpr const char* kMark = "directory.postmaster";
  if (path_.contains(kMark)) return false;
  if (folded == "root") {
    const Result<bool> counts = isDefault(domain);
    if (!counts || !*counts) return counts;
  }
  if (!options_.postmaster.empty()) {
    step(folded + " is read by " + options_.postmaster + " (directory.postmaster)");
    path_.insert(kMark);
    const std::size_t before = hits_;
    const Result<void> expanded = address(options_.postmaster, Place{domain.name, "", place.depth + 1, false});
    path_.erase(kMark);
    if (!expanded) return fail(expanded.error());
    if (hits_ > before) return true;
    step("directory.postmaster leads nowhere");
  }
  const Result<std::optional<User>> owner = directory_.firstAdmin();
  if (!owner) return fail(owner.error());
  if (!*owner) {
    step("no user is there to be " + folded);
    return false;
  }
  step(folded + " is read by " + (*owner)->address() +
       ((*owner)->admin ? ", the first administrator" : ", the oldest user, as there is no administrator"));
  const Result<std::optional<Domain>> home = directory_.domain((*owner)->domain);
  if (!home) return fail(home.error());
  if (!*home) return false;
  return user(**home, (*owner)->localPart, "");
}

// What cron jobs and other programs of the machine send to each other, and what comes back to them, must reach somebody. To the world,
// which writes to www-data@example.com, such an account is nobody.
Result<bool> Walk::systemAccount(const std::string& folded, const Place& place) {
  constexpr const char* kMark = "directory.system_accounts";
  if (!place.isHere || options_.systemAccounts.empty() || path_.contains(kMark)) return false;
  if (!options_.isSystemAccount(folded)) return false;
  step(folded + " is an account of this machine, whose mail " + options_.systemAccounts + " reads (directory.system_accounts)");
  path_.insert(kMark);
  const std::size_t before = hits_;
  const Result<void> expanded = address(options_.systemAccounts, Place{place.domain, "", place.depth + 1, false});
  path_.erase(kMark);
  if (!expanded) return fail(expanded.error());
  if (hits_ > before) return true;
  step("directory.system_accounts leads nowhere");
  return false;
}

}  // namespace ostler::directory
