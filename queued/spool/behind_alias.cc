// behind_alias.cc - where an alias or a forwarded domain leads in the end: asked at RCPT, so that what would come back as a report to a
// sender who may be forged is refused instead.
#include <algorithm>
#include <unordered_set>

#include "libmailcore/base/idna.h"
#include "queued/spool/questions.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMostFollowed = 100;  ///< of an alias of many the first that takes mail is enough

/// One that may take it later has the last word.
void hear(ipc::SmtpReply& heard, const ipc::SmtpReply& said) {
  if (heard.code / 100 != 4) heard = said;
}

/// What is behind is its owner's affair: the sender hears no address that he did not write.
ipc::SmtpReply refusal(const ipc::SmtpReply& heard) { return {heard.code, heard.enhanced, "The address leads to nobody who takes mail"}; }

void append(std::vector<std::string>& targets, const std::vector<std::string>& more) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(more.size(), kMostFollowed + 1));
  targets.insert(targets.end(), more.begin(), more.begin() + count);
}

bool isFileOrProgram(const std::string& target) { return target.starts_with('/') || target.starts_with('|'); }

}  // namespace

/// What the sender hears if all that the recipient leads to takes no mail for certain; nothing while one of them does, or nobody can say.
Task<std::optional<ipc::SmtpReply>> Questions::refusalBehind(const policy::Facts& facts) {
  const std::shared_ptr<const config::Config> config = env_.config;
  const std::string reversePath(facts.reversePath);
  std::unordered_set<std::string> seen{comparableAddress(facts.forwardPath)};
  std::vector<std::string> targets;
  append(targets, facts.route->expansion);
  ipc::SmtpReply heard{554, "5.4.6", ""};  // unless one says more, all of it leads back
  for (std::size_t at = 0; at < targets.size(); ++at) {
    if (at == kMostFollowed || isFileOrProgram(targets[at])) co_return std::nullopt;
    const std::string target = targets[at];
    if (!seen.insert(comparableAddress(target)).second) continue;
    const auto resolution = co_await env_.directory.resolve(target);
    if (!resolution) co_return std::nullopt;
    const route::Route next = route::route(*config, {.forwardPath = target, .reversePath = reversePath, .fromAlias = true}, **resolution);
    if (next.kind == route::Route::Kind::reject) {
      hear(heard, next.reply);
      continue;
    }
    const bool leadsOn = next.kind == route::Route::Kind::local && next.locals.empty();
    if (leadsOn) {
      append(targets, next.expansion);
      continue;
    }
    if (policy::hasLimitedRoom(next)) {
      const policy::Fill fill = co_await roomiest(next.locals, facts.declaredSize);
      const ipc::SmtpReply room = policy::roomVerdict(fill, facts.declaredSize);
      if (room.code == 250) co_return std::nullopt;
      hear(heard, room);
      continue;
    }
    const Finding finding = co_await env_.verifier.find(next, target);
    if (finding.kind != Finding::Kind::notThere) co_return std::nullopt;
    hear(heard, finding.reply);
  }
  co_return refusal(heard);
}

}  // namespace ostler::spool
