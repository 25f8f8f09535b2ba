#include "queued/spool/role.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <tuple>

#include "libmailcore/daemon/folders.h"
#include "queued/control/control.h"
#include "queued/report/notice.h"
#include "queued/report/words.h"
#include "queued/spool/crash_mark.h"
#include "queued/spool/dispatcher.h"
#include "queued/spool/draft.h"
#include "queued/spool/janitor.h"
#include "queued/spool/pickup.h"
#include "queued/spool/retelling.h"

namespace ostler::spool {

Result<void> Role::makeFolders(const config::Config& config) {
  // pickup/ is for every local user, as submit.sock is: he adds files, which get the folder's group, so that the spool can read them; he
  // sees no names there, and those of others stay. The other folders are the spool's own.
  const std::pair<std::string, mode_t> folders[] = {
      {config.queueDir(), 0700}, {config.pickupDir(), 03733}, {config.pickupDir() + "/.taken", 0700},
      {config.dropDir(), 0750},  {config.accountsDir(), 0700}, {config.runDir, 0755},
  };
  for (const auto& [path, mode] : folders) {
    const Result<void> made = daemon::makeFolder(path, mode, config.user);
    if (!made) return made;
  }
  for (const std::string& folder : config.badmailDirs()) {
    const Result<void> made = daemon::makeFolder(folder, 0750, config.user);
    if (!made) return made;
  }
  return {};
}

namespace {

/// One spool per queue: an older process that is still on its way out is waited for.
Result<UniqueFd> lockQueue(const std::string& queueDir) {
  UniqueFd lock(::open((queueDir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return fail(Error::Kind::permanent, fmt::format("cannot open {}/lock: {}", queueDir, std::strerror(errno)));
  for (int tries = 0; tries < 200; ++tries) {
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fail(Error::Kind::temporary, queueDir + " is in use by another process of the spool");
}

/// Smarthosts' passwords, by file. One that cannot be read is told and left out: the next hop will refuse, the mail
/// waits.
std::map<std::string, std::string> readPasswords(const config::Config& config, const log::Log& log) {
  std::map<std::string, std::string> passwords;
  for (const config::RouteRule& rule : config.routes) {
    if (rule.passwordFile.empty()) continue;
    std::ifstream file(rule.passwordFile);
    std::string password;
    if (!std::getline(file, password))
      log.error("password-file", {{"file", rule.passwordFile}, {"reason", "cannot be read"}});
    if (password.ends_with('\r')) password.pop_back();
    passwords[rule.passwordFile] = std::move(password);
  }
  return passwords;
}

/// Lists of recipients, by file. One that cannot be read is told, and is as it was `before`; is it not there either, then the domain's
/// recipients are deferred until a reload reads it.
route::RecipientFiles readRecipients(const config::Config& config, const route::RecipientFiles& before, const log::Log& log) {
  route::RecipientFiles files;
  for (const config::RouteRule& rule : config.routes) {
    if (rule.recipientsFile.empty() || files.contains(rule.recipientsFile)) continue;
    std::ifstream file(rule.recipientsFile);
    std::ostringstream text;
    text << file.rdbuf();
    (void)file.peek();  // bad, not at its end, where reading stopped because it failed
    if (file.is_open() && !file.bad()) {
      files[rule.recipientsFile] = route::parseRecipients(text.view());
      continue;
    }
    const auto known = before.find(rule.recipientsFile);
    const char* const then = known != before.end() ? "the list known before stays" : "recipients there are deferred (451)";
    log.error("recipients-file", {{"file", rule.recipientsFile}, {"reason", "cannot be read"}, {"then", then}});
    if (known != before.end()) files.insert(*known);
  }
  return files;
}

/// The languages of reports. Those that cannot be read are told, and reports are English.
std::vector<message::DsnWords> readWords(const config::Config& config, const log::Log& log) {
  Result<std::vector<message::DsnWords>> words = report::readWords(config.reports);
  if (words) return std::move(*words);
  log.error("report-words", {{"reason", words.error().detail}});
  return {};
}

constexpr std::size_t kReplayedAtOnce = 120'000;  ///< changes, of up to 200 octets: what was said of a recipient

/// What is read while the journal is being opened: an expansion of a message that the index knows.
RecordsAt recordsIn(const std::string& folder) {
  const auto fd = std::make_shared<const UniqueFd>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto segmentOf = [fd](std::uint64_t number) { return journal::SegmentFile::open(fd->get(), number).value_or(nullptr); };
  return [segmentOf](std::span<const journal::Position> places) { return journal::Gathered(places, segmentOf); };
}

std::unique_ptr<Pool> makeDiskPool() {
  return std::make_unique<Pool>("spool-disk", 4U);
}

}  // namespace

/// In the order they are made; they go in the opposite one.
struct Role::Parts {
  Parts(Loop& loop, const Clock& clock, std::shared_ptr<const config::Config> snapshot, store::Store& store,
        log::Log to, LargeFiles files)
      : log(std::move(to)),
        config(std::move(snapshot)),
        large(std::move(files)),
        disk(makeDiskPool()),
        scheduler(config->outbound.concurrency),
        directory(loop, config->socketPath("auth")),
        mailboxes(loop, store, config->accountsDir(), log),
        history(*disk, config->queueDir() + "/history"),
        underWay(config->queueDir() + "/under-way"),
        verifier(loop, config->socketPath("out"), log),
        watches(loop),
        loopOf(loop),
        clockOf(clock),
        notices(loop) {}

  UniqueFd lock;
  log::Log log;
  std::shared_ptr<const config::Config> config;
  LargeFiles large;
  Queue queue;
  std::unique_ptr<ScheduleIndex> index;
  std::uint64_t replayFrom = 0;
  journal::Position told;
  Measured measured;
  MeasuringDisk journalDisk{measured};
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Pool> disk;  // goes before what its jobs work on: the index above all
  schedule::Scheduler scheduler;
  DirectoryClient directory;
  deliver::LocalDelivery mailboxes;
  History history;
  std::unique_ptr<Senders> senders;
  UnderWay underWay;
  Verifier verifier;
  WatchList watches;
  Loop& loopOf;
  const Clock& clockOf;
  std::unique_ptr<Environment> env;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Acceptance> acceptance;
  std::unique_ptr<Questions> questions;
  std::unique_ptr<Drafts> drafts;
  std::unique_ptr<Pickup> pickup;
  std::unique_ptr<Janitor> janitor;
  std::unique_ptr<control::Control> control;
  std::unique_ptr<ipc::Server> smtpd;
  std::unique_ptr<ipc::Server> submit;
  std::unique_ptr<ipc::Server> administration;
  TaskScope notices;

  void doWithoutWhatMayBeDamaged();
  [[nodiscard]] Result<void> openJournal();
  void assemble();
  void tellFrozen(const std::string& user, const std::string& reason);
  [[nodiscard]] Task<void> sendNotice(report::Report notice);
};

/// The last life ended by a fault of memory, as a damaged index ends it. The journal says all that the index does.
void Role::Parts::doWithoutWhatMayBeDamaged() {
  if (!takeCrashMark(config->queueDir())) return;
  log.error("died-of-a-fault", {{"then", "the index is made anew from the journal"},
                                {"put_aside", config->queueDir() + "/senders/senders.mdb.damaged (who is frozen from sending, and whom users wrote to)"}});
  ScheduleIndex::forget(config->queueDir() + "/index");
  Senders::putAside(config->queueDir() + "/senders");
}

Result<void> Role::Parts::openJournal() {
  const SteadyTime began = std::chrono::steady_clock::now();
  queue.readFrom(recordsIn(config->queueDir()));
  Result<LoadedIndex> loaded = ScheduleIndex::open(config->queueDir() + "/index", queue, log);
  if (!loaded) return fail(loaded.error());
  index = std::move(loaded->index);
  replayFrom = loaded->replayFrom;
  told = loaded->told;
  std::error_code none;
  const bool isUntold = std::filesystem::is_empty(config->queueDir() + "/history", none) || none;
  if (isUntold && told == journal::Position{}) told = {0, 1};
  Retelling retelling(told);
  journal::JournalOptions options;
  options.folder = config->queueDir();
  options.segmentSize = config->queue.segmentSize;
  options.user = kRecordsVersion;
  options.disk = &journalDisk;
  std::uint64_t unreadable = 0;
  const auto each = [this, &unreadable, &retelling](const journal::Batch& batch) {
    retelling.look(batch, queue, clockOf.now());
    if (!queue.replay(batch)) ++unreadable;
    // A lost index is made anew piece by piece, for all of its messages at once need not fit into memory.
    if (queue.changedCount() >= kReplayedAtOnce) (void)index->commitAll(queue, replayFrom, replayFrom, told).has_value();
  };
  Result<std::unique_ptr<journal::Journal>> opened = journal::Journal::open(options, loaded->replayFrom, each);
  if (!opened) return fail(opened.error());
  journal = std::move(*opened);
  queue.readFrom([&from = *journal](std::span<const journal::Position> places) { return from.readAll(places); });
  for (const journal::Damage& damage : journal->damage()) {
    log.error("journal-damaged",
              {{"segment", damage.from.segment}, {"offset", damage.from.offset}, {"what", damage.what}});
  }
  if (unreadable > 0) log.error("journal-unreadable", {{"batches", unreadable}});
  ledger = std::make_unique<Ledger>(loopOf, *journal, log);
  history.tellAgain(retelling.take());
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  log.info("queue-read", {{"messages", std::uint64_t{queue.messages().size()}}, {"ms", static_cast<std::uint64_t>(took.count())}});
  return {};
}

void Role::Parts::assemble() {
  env = std::make_unique<Environment>(
      Environment{loopOf, clockOf, *disk, log, config, *ledger, queue, scheduler, directory, mailboxes, large, history, *senders, verifier, measured, underWay});
  verifier.use(config, readRecipients(*config, {}, log));
  dispatcher = std::make_unique<Dispatcher>(*env, config->socketPath("out"));
  dispatcher->setPasswords(readPasswords(*config, log));
  env->words = readWords(*config, log);
  acceptance = std::make_unique<Acceptance>(*env, [this](const Id128& id) { dispatcher->wake(id); });
  questions = std::make_unique<Questions>(*env, config->socketPath("out"),
                                          [this](std::uint64_t octets) { return acceptance->hasRoom(octets).has_value(); });
  questions->onEtrn([this](std::string node) { return dispatcher->wakeDomain(std::move(node)); });
  questions->onAtrn([this](std::vector<std::string> patterns, UniqueFd connection, std::string remoteHost) {
    return dispatcher->turnRound(std::move(patterns), std::move(connection), std::move(remoteHost));
  });
  senders->onExcess([this](const std::string& user, const std::string& reason) { tellFrozen(user, reason); });
  drafts = std::make_unique<Drafts>(*env, *questions, *acceptance);
  pickup = std::make_unique<Pickup>(*env, *acceptance);
  janitor = std::make_unique<Janitor>(*env, *index, replayFrom, told);
  control = std::make_unique<control::Control>(*env, *dispatcher, *questions, watches);
  control->use(*config, config->socketPath("control"));
}

/// postmaster hears of it once; what is to be done stands in the notice.
void Role::Parts::tellFrozen(const std::string& user, const std::string& reason) {
  log.warn("sender-frozen", {{"user", user}, {"reason", reason}});
  notices.spawn(sendNotice(report::frozenNotice(*config, user, reason, clockOf.now())));
}

Task<void> Role::Parts::sendNotice(report::Report notice) {
  auto content = std::make_shared<const std::string>(std::move(notice.content));
  const Result<void> accepted = co_await acceptance->accept(std::move(notice.record), std::move(content));
  (void)accepted;  // it has told the log
}

Result<std::unique_ptr<Role>> Role::open(Loop& loop, const Clock& clock, std::shared_ptr<const config::Config> config,
                                         store::Store& store, log::Log log) {
  Result<UniqueFd> lock = lockQueue(config->queueDir());
  if (!lock) return fail(lock.error());
  Result<LargeFiles> large = LargeFiles::open(config->queueDir());
  if (!large) return fail(large.error());
  auto parts = std::make_unique<Parts>(loop, clock, std::move(config), store, std::move(log), std::move(*large));
  parts->lock = std::move(*lock);
  parts->doWithoutWhatMayBeDamaged();
  Result<std::unique_ptr<Senders>> senders = Senders::open(loop, *parts->disk, parts->config->queueDir() + "/senders", clock.now(), parts->log);
  if (!senders) return fail(senders.error());
  parts->senders = std::move(*senders);
  const Result<void> read = parts->openJournal();
  if (!read) return fail(read.error());
  // A file that no record names was never ours, or has been delivered: STATES.md 2, 3, 11.
  for (const std::string& name : parts->large.names()) {
    const auto id = Id128::parse(name);
    const Message* message = id ? parts->queue.find(*id) : nullptr;
    if (message == nullptr || !message->large) parts->large.unlinkName(name);
  }
  parts->assemble();
  return std::unique_ptr<Role>(new Role(std::move(parts)));
}

Role::Role(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Role::~Role() = default;

Result<void> Role::start() {
  Parts& p = *parts_;
  p.smtpd = std::make_unique<ipc::Server>(p.loopOf);
  p.submit = std::make_unique<ipc::Server>(p.loopOf);
  p.administration = std::make_unique<ipc::Server>(p.loopOf);
  p.questions->serve(*p.smtpd);
  p.watches.serve(*p.smtpd);
  p.drafts->serve(*p.smtpd, DraftSource::smtpd);
  p.drafts->serve(*p.submit, DraftSource::local);
  p.control->serve(*p.administration);
  p.dispatcher->start();
  p.janitor->start([&dispatcher = *p.dispatcher] { dispatcher.resume(); });
  const std::pair<ipc::Server*, std::pair<const char*, unsigned>> sockets[] = {
      {p.smtpd.get(), {"smtpd", 0660}},
      {p.submit.get(), {"submit", 0666}},
      {p.administration.get(), {"control", p.control->socketMode()}}};
  for (const auto& [server, name] : sockets) {
    const Result<void> listening = server->listen(p.config->socketPath(name.first), name.second);
    if (!listening) return listening;
  }
  return p.pickup->start();
}

void Role::use(std::shared_ptr<const config::Config> config) {
  Parts& p = *parts_;
  const std::shared_ptr<const config::Config> before = std::exchange(p.config, config);
  p.env->config = std::move(config);
  p.scheduler.setConcurrency(p.config->outbound.concurrency);
  p.dispatcher->setPasswords(readPasswords(*p.config, p.log));
  p.env->words = readWords(*p.config, p.log);
  p.verifier.use(p.config, readRecipients(*p.config, p.verifier.files(), p.log));
  p.control->use(*p.config, p.config->socketPath("control"));
  const auto routing = [](const config::Config& c) {
    return std::tie(c.routes, c.outbound.concurrencyPerDestination, c.outbound.ratePerDestination, c.outbound.fallbackRelays, c.outbound.port);
  };
  if (routing(*before) != routing(*p.config)) p.dispatcher->routeAllAgain();
  p.dispatcher->resume();  // hours and paces may be others
}

Task<void> Role::drain(Deadline deadline) {
  Parts& p = *parts_;
  p.smtpd->stopListening();
  p.submit->stopListening();
  p.administration->stopListening();
  p.pickup->stop();
  p.dispatcher->drain();
  while (!deadline.passed()) {
    const bool quiet = p.drafts->committing() == 0 && p.dispatcher->idle() && p.ledger->settled();
    if (quiet) break;
    co_await p.loopOf.sleepUntil(Deadline::after(std::chrono::milliseconds(10)));
  }
  p.history.flushNow();
  p.senders->flushNow();
  p.janitor->commitNow();
}

}  // namespace ostler::spool
