// walk_aliases.cc - Walk: from an alias to what stands on its right side.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/directory/walk.h"

namespace ostler::directory {

namespace {

constexpr std::size_t kMostDepth = 50;

}  // namespace

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
  switch (target.kind) {
    case AliasTarget::Kind::address:
      return address(target.text, place);
    case AliasTarget::Kind::include:
      return include(target.text, place);
    case AliasTarget::Kind::mailbox:
      return mailbox(target, place);
    case AliasTarget::Kind::file:
      if (target.text != "/dev/null" && (place.isInclude || !options_.files))
        refuse(target, "is not allowed: aliases may not lead to files here (directory.alias_files)");
      else
        keep(out_.files, "file ", target);
      return {};
    case AliasTarget::Kind::pipe:
      if (place.isInclude || !options_.pipes)
        refuse(target, "is not allowed: aliases may not lead to programs here (directory.alias_pipes)");
      else
        keep(out_.pipes, "program ", target);
      return {};
  }
  return {};
}

void Walk::keep(std::vector<std::string>& in, const char* what, const AliasTarget& target) {
  ++hits_;
  if (std::find(in.begin(), in.end(), target.text) != in.end()) return;
  step(what + printable(target.text));
  in.push_back(target.text);
}

void Walk::refuse(const AliasTarget& target, const char* why) {
  step(printable(formatAliasTarget(target)) + " " + why);
  rejected_ = true;
}

Result<void> Walk::mailbox(const AliasTarget& target, const Place& place) {
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
  // Deferred: a member that gets nothing is worse. One that is too large stays so until somebody divides it, and is refused.
  if (!text) return fail(text.error().kind == Error::Kind::limit ? Error::Kind::limit : Error::Kind::temporary, "list " + text.error().detail);
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

}  // namespace ostler::directory
