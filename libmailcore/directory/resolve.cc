#include "libmailcore/directory/resolve.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/directory/alias_target.h"

namespace ostler::directory {

namespace {

constexpr std::size_t kMostPlaces = 10'000;
constexpr std::size_t kMostDepth = 50;
constexpr std::size_t kMostIncludeOctets = std::size_t{4} << 20;

/// Reads a list that no stranger can have written: whoever may write it decides where our mail goes.
Result<std::string> readIncludeFile(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail(Error::Kind::temporary, path + ": " + std::strerror(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(Error::Kind::denied, path + ": not a regular file");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Error::Kind::denied, path + ": writable by others than its owner; chmod go-w");
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0) return fail(Error::Kind::temporary, path + ": " + std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostIncludeOctets) return fail(Error::Kind::limit, path + ": larger than 4 MiB");
  }
}

/// One resolution under way. Every function returns an Error only for what ends the whole resolution.
class Walk {
 public:
  Walk(Directory& directory, const ResolveOptions& options) : directory_(directory), options_(options) {}

  Result<ipc::Resolution> from(std::string_view text);

 private:
  /// Where a target was found, so that loops are seen and bare names get their domain.
  struct Place {
    std::string domain;  ///< what a bare local part means here
    std::string tag;     ///< of the address that led here
    std::size_t depth = 0;
    bool isInclude = false;  ///< lists may not name files and programs
  };

  Result<void> address(const std::string& text, const Place& place);
  Result<void> local(const Domain& domain, const std::string& localPart, const Place& place);
  /// False: neither alias nor user.
  Result<bool> aliasOrUser(const Domain& domain, const std::string& folded, const std::string& tag, const Place& place);
  Result<bool> user(const Domain& domain, const std::string& folded, const std::string& tag);
  Result<bool> fileAlias(const Domain& domain, const std::string& folded, const std::string& tag, const Place& place);
  Result<bool> wellKnown(const Domain& domain, const std::string& folded, const Place& place);
  Result<void> expand(const Alias& alias, const std::string& tag, const Place& place);
  Result<void> target(const AliasTarget& target, const Place& place);
  Result<void> include(const std::string& path, const Place& place);
  Result<bool> isDefault(const Domain& domain);
  Result<void> checkSize() const;
  void remote(const Address& address);
  void step(std::string text) {
    if (out_.steps.size() < 1000) out_.steps.push_back(std::move(text));
  }

  Directory& directory_;
  const ResolveOptions& options_;
  ipc::Resolution out_;
  std::set<std::string> path_;  ///< what is being expanded right now
  std::set<std::string> done_;  ///< what has been expanded
  std::set<Id128> accounts_;
  std::set<std::string> remotes_;
  std::size_t hits_ = 0;  ///< how often something led to a place that takes mail
  bool ours_ = false;     ///< the address asked for is in a domain of ours
  bool loop_ = false;
  bool rejected_ = false;
};

Result<ipc::Resolution> Walk::from(std::string_view text) {
  const Result<Address> parsed = parseAddress(text);
  if (!parsed) return fail(parsed.error());
  const Result<std::optional<Domain>> standard = directory_.defaultDomain();
  if (!standard) return fail(standard.error());
  Place place;
  if (*standard) place.domain = (*standard)->name;
  const Result<void> walked = address(parsed->text(), place);
  if (!walked) return fail(walked.error());
  using Kind = ipc::Resolution::Kind;
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
    return fail(Error::Kind::limit, "aliases lead to more than 10,000 places");
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
  if ((*domain)->name != *canonical) step("domain " + *canonical + " is another name of " + (*domain)->name);
  return local(**domain, parsed->localPart, place);
}

Result<void> Walk::local(const Domain& domain, const std::string& localPart, const Place& place) {
  const Result<std::string> folded = foldLocalPart(localPart);
  if (!folded) {
    step("\"" + printable(localPart) + "\" cannot be a local part: " + folded.error().detail);
    return {};
  }
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
  const std::string mark = "catch-all of " + domain.name;
  if (!domain.catchAll.empty() && !path_.contains(mark)) {
    step("nobody is " + *folded + "@" + domain.name + "; its catch-all is " + domain.catchAll);
    path_.insert(mark);
    const Result<void> expanded = address(domain.catchAll, Place{domain.name, "", place.depth + 1, false});
    path_.erase(mark);
    done_.insert(mark);
    return expanded;
  }
  step("nobody is " + *folded + "@" + domain.name);
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

Result<void> Walk::expand(const Alias& alias, const std::string& tag, const Place& place) {
  if (place.depth > kMostDepth) {
    step("alias " + alias.address() + " is nested deeper than 50: given up");
    loop_ = true;
    return {};
  }
  const std::string mark = alias.domain.empty() ? alias.localPart : alias.localPart + "@" + alias.domain;
  std::string words;
  for (const std::string& text : alias.targets) words += (words.empty() ? "" : ", ") + text;
  step("alias " + mark + (alias.domain.empty() ? " (aliases file)" : "") + ": " + printable(words, 500));
  path_.insert(mark);
  for (const std::string& text : alias.targets) {
    const Result<AliasTarget> parsed = parseAliasTarget(text);
    if (!parsed) return fail(Error::Kind::temporary, "alias " + mark + ": " + parsed.error().detail);
    Place inside = place;
    inside.tag = tag;
    const Result<void> followed = target(*parsed, inside);
    if (!followed) return followed;
  }
  path_.erase(mark);
  done_.insert(mark);
  return {};
}

Result<void> Walk::target(const AliasTarget& target, const Place& place) {
  const auto refuse = [&](const char* why) {
    step(printable(formatAliasTarget(target)) + " " + why);
    rejected_ = true;
  };
  const auto keep = [&](std::vector<std::string>& in, const char* what) {
    ++hits_;
    if (std::find(in.begin(), in.end(), target.text) != in.end()) return;
    step(what + printable(target.text));
    in.push_back(target.text);
  };
  switch (target.kind) {
    case AliasTarget::Kind::address:
      return address(target.text, place);
    case AliasTarget::Kind::include:
      return include(target.text, place);
    case AliasTarget::Kind::file:
      if (target.text != "/dev/null" && (place.isInclude || !options_.files))
        refuse("is not allowed: aliases may not lead to files here (directory.alias_files)");
      else
        keep(out_.files, "file ");
      return {};
    case AliasTarget::Kind::pipe:
      if (place.isInclude || !options_.pipes)
        refuse("is not allowed: aliases may not lead to programs here (directory.alias_pipes)");
      else
        keep(out_.pipes, "program ");
      return {};
    case AliasTarget::Kind::mailbox:
      break;
  }
  const Result<Address> parsed = parseAddress(target.text);
  if (!parsed) return fail(parsed.error());
  const Result<std::string> folded = foldLocalPart(parsed->localPart);
  const Result<std::string> name = canonicalDomain(parsed->domain.empty() ? place.domain : parsed->domain);
  if (!folded || !name) return {};
  const Result<std::optional<Domain>> domain = directory_.domain(*name);
  if (!domain) return fail(domain.error());
  if (!*domain) return address(target.text, place);
  const Result<bool> found = user(**domain, *folded, place.tag);
  if (!found) return fail(found.error());
  if (!*found) step(printable(formatAliasTarget(target)) + " is no user");
  return {};
}

Result<void> Walk::include(const std::string& path, const Place& place) {
  const std::string mark = ":include:" + path;
  if (place.isInclude || !options_.files) {
    step(printable(mark) + " is not allowed here (directory.alias_files)");
    rejected_ = true;
    return {};
  }
  if (!done_.insert(mark).second) return {};
  const Result<std::string> text = options_.readInclude(path);
  if (!text)
    return fail(Error::Kind::temporary,
                "list " + text.error().detail);  // deferred: a member that gets nothing is worse
  const Result<std::vector<AliasTarget>> targets = parseIncludeFile(*text);
  if (!targets) return fail(Error::Kind::temporary, "list " + path + ", " + targets.error().detail);
  step("list " + path + " has " + std::to_string(targets->size()) + " members");
  Place inside = place;
  inside.isInclude = true;
  for (const AliasTarget& member : *targets) {
    const Result<void> followed = target(member, inside);
    if (!followed) return followed;
  }
  return {};
}

}  // namespace

ResolveOptions resolveOptions(const config::DirectorySettings& settings) {
  ResolveOptions options;
  options.tagSeparator = settings.tagSeparator;
  options.files = settings.aliasFiles;
  options.pipes = settings.aliasPipes;
  options.postmaster = settings.postmaster;
  options.readInclude = readIncludeFile;
  return options;
}

Result<ipc::Resolution> resolve(Directory& directory, const ResolveOptions& options, std::string_view address) {
  return Walk(directory, options).from(address);
}

ipc::Account accountOf(const User& user, const Domain& domain) {
  const auto either = [](std::uint64_t own, std::uint64_t ofDomain) { return own != 0 ? own : ofDomain; };
  ipc::Account account;
  account.id = user.id;
  account.address = user.address();
  account.quotaOctets = either(user.limits.mailboxOctets, domain.limits.mailboxOctets);
  account.quotaMessages = either(user.limits.mailboxMessages, domain.limits.mailboxMessages);
  account.messageSize = either(user.limits.messageSize, domain.limits.messageSize);
  return account;
}

Tagged splitTag(std::string_view localPart, std::string_view separators) {
  const std::size_t at = separators.empty() ? localPart.npos : localPart.find_first_of(separators);
  if (at == localPart.npos || at == 0 || at + 1 == localPart.size()) return {localPart, ""};
  return {localPart.substr(0, at), localPart.substr(at + 1)};
}

}  // namespace ostler::directory
