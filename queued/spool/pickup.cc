#include "queued/spool/pickup.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/crc32c.h"
#include "libmailcore/message/compose.h"
#include "libmailcore/message/prepared.h"
#include "libmailcore/message/priority.h"
#include "libmailcore/message/received.h"
#include "queued/deliver/folder.h"
#include "queued/policy/policy.h"
#include "queued/report/report.h"
#include "queued/spool/pickup_file.h"

namespace ostler::spool {

namespace {

constexpr std::chrono::seconds kRescan{30};
constexpr std::chrono::milliseconds kBusyRescan{500};
constexpr std::time_t kSettledAfter = 2;  ///< seconds without a write, where no lease can be had

constexpr std::uint64_t kMostCopied = 1U << 30;

/// A second name for longer than this is no writer's that is about to remove the one it wrote under.
constexpr std::time_t kLinkedMost = 10;

struct Scan {
  std::vector<std::string> taken;  ///< names in .taken/ now
  std::map<std::string, std::string> ignored;  ///< names that are left where they are, and why
  bool anyBusy = false;
  bool isNamed = true;  ///< those names last
};

enum class Look { take, busy, ignore };
struct Looked {
  Look what = Look::busy;
  std::string why;
};

/// Does anybody have it open for writing? A lease is refused while somebody has; it asks for the file's owner or CAP_LEASE.
bool isStillWritten(int fd, const struct stat& status) {
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
  }
  if (errno == EAGAIN) return true;
  return std::time(nullptr) - status.st_mtime < kSettledAfter;
}

/// Names in a folder, without those that start with a dot.
std::vector<std::string> namesIn(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), &::closedir);
  if (!listing) return names;
  while (const dirent* entry = ::readdir(listing.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

bool syncFolder(const std::string& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(folder.get()) == 0;
}

/// Never opens what is no file: a device may do something when it is opened.
Looked lookAt(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISREG(status.st_mode)) return {Look::ignore, "it is no regular file"};
  const bool isSettled = std::time(nullptr) - std::max(status.st_mtime, status.st_ctime) >= kSettledAfter;
  if (status.st_nlink > 1) {
    // It may be somebody else's, whom its linker may not read.
    const bool isLeft = std::time(nullptr) - status.st_ctime > kLinkedMost;
    return isLeft ? Looked{Look::ignore, "it has another name too (a hard link)"} : Looked{};
  }
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return {isSettled ? Look::take : Look::busy, {}};  // it is kept with the reason
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {isStillWritten(file.get(), status) ? Look::busy : Look::take, {}};
}

/// What a local user called it, in what every file system and every terminal takes.
std::string tameName(std::string_view name) {
  std::string tame(name.substr(0, 200));
  std::replace_if(tame.begin(), tame.end(), [](char c) { return c <= ' ' || c > '~' || c == '"' || c == '\\'; }, '_');
  return tame;
}

/// `left`: some were taken before.
Scan takeFiles(const std::string& folder, bool left) {
  Scan scan;
  for (const std::string& name : namesIn(folder)) {
    const std::string path = folder + "/" + name;
    Looked looked = lookAt(path);
    if (looked.what == Look::ignore) scan.ignored.emplace(name, std::move(looked.why));
    if (looked.what == Look::busy) scan.anyBusy = true;
    if (looked.what != Look::take) continue;
    const std::string taken = Id128::make(std::chrono::system_clock::now()).text() + "-" + tameName(name);
    if (::rename(path.c_str(), (folder + "/.taken/" + taken).c_str()) == 0) scan.taken.push_back(taken);
  }
  // A message that was journalled as taken must not be back under the name it was dropped as after a power cut: it would be sent twice.
  scan.isNamed = (scan.taken.empty() && !left) || (syncFolder(folder + "/.taken") && syncFolder(folder));
  return scan;
}

struct TakenFile {
  std::string octets;
  uid_t uid = 0;
};

/// Errors: notFound; denied and limit: no file to be read at all; syntax: no file, which is not kept either.
Result<TakenFile> readTaken(const std::string& path, std::uint64_t most) {
  // Between the look and the rename its owner may have put a FIFO under the name: that must neither block nor be read.
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fail(Error::Kind::notFound, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail(Error::Kind::syntax, "it is no regular file");
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == EACCES) return fail(Error::Kind::denied, "who wrote the file does not let the spool read it: " + path.substr(path.rfind('/') + 1));
  if (!file || ::fstat(file.get(), &status) != 0) return fail(Error::Kind::temporary, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail(Error::Kind::syntax, "it is no regular file");
  // A second name of somebody else's file would have us mail what its linker may not read.
  if (status.st_nlink > 1) return fail(Error::Kind::syntax, "it has another name too (a hard link)");
  if (static_cast<std::uint64_t>(status.st_size) > most) {
    return fail(Error::Kind::limit, fmt::format("the file has {} octets, and a message may have {}", status.st_size, most));
  }
  Result<std::string> octets = readRange(file.get(), 0, static_cast<std::uint64_t>(status.st_size));
  if (!octets) return fail(octets.error());
  return TakenFile{std::move(*octets), status.st_uid};
}

/// Kept with the reason; the file itself last, so that whoever finds it finds the reason.
Result<void> toBadmail(const std::string& badmail, const std::string& takenPath, const std::string& name, const std::string& reason) {
  const Result<void> why = deliver::writeInto(badmail, name + ".txt", {reason, "\n"});
  if (!why) return why;
  // In one step where both folders are of one file system: then nothing is read, however large it is.
  if (::rename(takenPath.c_str(), (badmail + "/" + name).c_str()) == 0) return {};
  if (errno != EXDEV) return fail(Error::Kind::temporary, std::strerror(errno));
  const Result<TakenFile> file = readTaken(takenPath, kMostCopied);
  if (!file) return fail(file.error());
  const Result<void> kept = deliver::writeInto(badmail, name, {file->octets});
  if (kept) ::unlink(takenPath.c_str());
  return kept;
}

MessageRecord recordOf(const Environment& env, const PickupFile& file, const std::string& taken, uid_t uid) {
  MessageRecord record;
  record.id = Id128::make(env.now());
  record.arrived = env.now();
  record.origin.service = "pickup";
  record.origin.client = fmt::format("uid {}", uid);
  record.origin.taken = taken;
  record.reversePath = file.reversePath;
  record.returned = file.returned;
  record.envid = file.envid;
  for (const std::string& path : file.forwardPaths) {
    RecipientRecord to;
    to.recipient.forwardPath = path;
    to.recipient.notifyGiven = file.notify.has_value();
    if (file.notify) to.recipient.notify = *file.notify;
    record.recipients.push_back(std::move(to));
  }
  return record;
}

/// Trace field, and what a submitted message must have. RFC 5321 4.4, RFC 6409 8.
std::string fieldsInFront(const Environment& env, const MessageRecord& record, const std::string& content) {
  message::Received trace;
  trace.by = env.config->hostName;
  trace.byComment = "Ostler, from " + record.origin.client;
  trace.with = "LOCAL";
  trace.id = record.id.text();
  trace.time = record.arrived;
  message::MissingFields missing;
  missing.now = record.arrived;
  missing.id = record.id;
  missing.domain = env.config->hostName;
  missing.sender = record.reversePath;
  return message::writeReceived(trace) + message::missingFields(content, missing);
}

}  // namespace

Pickup::Pickup(Environment& env, Acceptance& acceptance)
    : env_(env), acceptance_(acceptance), folder_(env.config->pickupDir()), changed_(env.loop), scope_(env.loop) {}

Pickup::~Pickup() { scope_.cancelAll(); }

Result<void> Pickup::start() {
  // Who opens a file for writing while we hold the lease on it has the kernel send this, which would end the process.
  ::signal(SIGIO, SIG_IGN);
  inotify_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_ || ::inotify_add_watch(inotify_.get(), folder_.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
    return fail(Error::Kind::permanent, fmt::format("cannot watch {}: {}", folder_, std::strerror(errno)));
  }
  notice_.reset(event_new(env_.loop.base(), inotify_.get(), EV_READ | EV_PERSIST,
                          [](evutil_socket_t, short, void* self) { static_cast<Pickup*>(self)->onNotice(); }, this));
  event_add(notice_.get(), nullptr);
  scope_.spawn(run());
  return {};
}

void Pickup::onNotice() {
  char notices[4096];
  while (::read(inotify_.get(), notices, sizeof notices) > 0) {
  }
  changed_.set();
}

void Pickup::finishTaken() {
  for (const std::string& name : namesIn(folder_ + "/.taken")) {
    if (env_.queue.takenSeen().contains(name)) {
      ::unlink((folder_ + "/.taken/" + name).c_str());
    } else {
      left_.push_back(name);
    }
  }
}

Task<void> Pickup::run() {
  finishTaken();
  while (true) {
    bool anyBusy = false;
    const bool room = !stopped_ && acceptance_.hasRoom(0).has_value();
    if (room) {
      auto job = [folder = folder_, left = !left_.empty()]() -> Result<Scan> { return takeFiles(folder, left); };
      const Result<Scan> scan = co_await env_.disk.run(env_.loop, std::move(job));
      if (scan) {
        anyBusy = scan->anyBusy;
        tellIgnored(scan->ignored);
        left_.insert(left_.end(), scan->taken.begin(), scan->taken.end());
        for (const std::string& name : scan->isNamed ? std::exchange(left_, {}) : std::vector<std::string>()) {
          const bool done = co_await process(name);
          if (!done) left_.push_back(name);
        }
      }
    }
    const auto pause = anyBusy ? std::chrono::nanoseconds(kBusyRescan) : std::chrono::nanoseconds(kRescan);
    const Result<void> woken = co_await changed_.wait(Deadline::after(pause));
    (void)woken;
  }
}

/// Each once, for as long as it lies there.
void Pickup::tellIgnored(const std::map<std::string, std::string>& ignored) {
  for (const auto& [name, why] : ignored) {
    if (!ignored_.contains(name)) env_.log.warn("pickup-ignored", {{"file", printable(name)}, {"reason", why}});
  }
  ignored_ = ignored;
}

/// What came under the name of a file that was looked at a moment before. Of a hard link the other name stays.
bool Pickup::throwAway(const std::string& takenName, const std::string& why) const {
  env_.log.warn("pickup-refused", {{"file", takenName}, {"uid", "-"}, {"reason", why}});
  return ::unlink((folder_ + "/.taken/" + takenName).c_str()) == 0 || errno == EISDIR || errno == ENOENT;
}

Task<bool> Pickup::keepAsBadmail(std::string takenName, std::string reason) {
  auto moving = [badmail = env_.config->badmailDir(), path = folder_ + "/.taken/" + takenName, takenName, reason] {
    return toBadmail(badmail, path, takenName, reason);
  };
  const Result<void> kept = co_await env_.disk.run(env_.loop, std::move(moving));
  if (!kept) env_.log.error("badmail-not-written", {{"file", takenName}, {"reason", kept.error().detail}});
  co_return kept.has_value();
}

/// What goes in a circle by way of pickup/ has no client that could be refused: its sender is told. RFC 5321 6.3. The report is
/// journalled under the file's name, so that it is made once.
Task<bool> Pickup::giveBack(MessageRecord record, std::string content, std::string takenName) {
  const ipc::SmtpReply why{554, "5.4.6", "Too many hops: the message seems to go in a circle"};
  env_.log.warn("pickup-refused", {{"file", takenName}, {"from", record.reversePath}, {"reason", why.text}});
  std::vector<report::Ending> endings;
  for (std::uint32_t at = 0; at < record.recipients.size(); ++at) {
    if (!report::isWanted(record.recipients[at].recipient, message::DsnAction::failed)) continue;
    report::Ending& ending = endings.emplace_back();
    ending.recipient = at;
    ending.reply = why;
  }
  report::Report built;
  const bool isTold = !record.reversePath.empty() && !endings.empty();
  if (isTold) built = report::build(*env_.config, record, endings, content, env_.now(), env_.words);
  if (!isTold || built.content.size() > env_.config->queue.segmentSize.octets / 2) {
    const bool kept = co_await keepAsBadmail(takenName, why.text);
    co_return kept;
  }
  built.record.origin.taken = takenName;
  const Result<void> accepted = co_await acceptance_.accept(std::move(built.record), std::make_shared<const std::string>(std::move(built.content)));
  if (accepted) ::unlink((folder_ + "/.taken/" + takenName).c_str());
  co_return accepted.has_value();
}

Task<bool> Pickup::process(std::string takenName) {
  const std::string path = folder_ + "/.taken/" + takenName;
  const std::uint64_t allowed = policy::serverOrFirst(*env_.config, "").limits.messageSize.octets;
  auto reading = [path, most = allowed == 0 ? kMostCopied : allowed] { return readTaken(path, most); };
  const Result<TakenFile> taken = co_await env_.disk.run(env_.loop, std::move(reading));
  if (!taken && taken.error().kind == Error::Kind::syntax) co_return throwAway(takenName, taken.error().detail);
  const bool unfit = !taken && (taken.error().kind == Error::Kind::denied || taken.error().kind == Error::Kind::limit);
  if (!taken && !unfit) {
    env_.log.error("pickup", {{"file", takenName}, {"reason", taken.error().detail}});
    co_return taken.error().kind == Error::Kind::notFound;
  }
  Result<PickupFile> file = unfit ? Result<PickupFile>(fail(taken.error())) : parsePickupFile(taken->octets);
  if (!file) {
    const std::string uid = unfit ? "-" : std::to_string(taken->uid);
    env_.log.warn("pickup-refused", {{"file", takenName}, {"uid", uid}, {"reason", file.error().detail}});
    const bool kept = co_await keepAsBadmail(takenName, file.error().detail);
    co_return kept;
  }
  MessageRecord record = recordOf(env_, *file, takenName, taken->uid);
  const unsigned hops = policy::serverOrFirst(*env_.config, "").limits.hops;
  if (hops != 0 && message::countReceived(file->content) > hops) {
    const bool isDone = co_await giveBack(std::move(record), std::move(file->content), takenName);
    co_return isDone;
  }
  // With what becomes of each of them it must fit into a segment of the journal, and it would be tried for ever.
  if (newRecord(record).content.size() > env_.config->queue.segmentSize.octets / 2) {
    const std::string reason = fmt::format("{} recipients are more than one message may have", record.recipients.size());
    env_.log.warn("pickup-refused", {{"file", takenName}, {"uid", std::to_string(taken->uid)}, {"reason", reason}});
    const bool kept = co_await keepAsBadmail(takenName, reason);
    co_return kept;
  }
  auto content = std::make_shared<const std::string>(fieldsInFront(env_, record, file->content) + file->content);
  record.handling.priority = message::priorityFields(*content).value.value_or(0);  // local submission: RFC 6758 3.1
  record.size = content->size();
  record.hasEightBit = message::contentFacts(*content).has8Bit;
  record.large = content->size() > env_.config->queue.largeMessage.octets;
  if (record.large) {
    record.contentCrc = crc32c(*content);
    auto storing = [&large = env_.large, id = record.id, content]() -> Result<void> {
      Result<UniqueFd> made = large.create(id);
      if (!made) return fail(made.error());
      const Result<void> written = writeAll(made->get(), *content);
      if (!written) return written;
      return large.finish(id, made->get());
    };
    const Result<void> stored = co_await env_.disk.run(env_.loop, std::move(storing));
    if (!stored) {
      env_.log.error("pickup", {{"file", takenName}, {"reason", stored.error().detail}});
      co_return false;  // it stays in .taken/
    }
    content.reset();
  }
  const Result<void> accepted = co_await acceptance_.accept(std::move(record), std::move(content));
  if (accepted) ::unlink(path.c_str());
  co_return accepted.has_value();
}

}  // namespace ostler::spool
