// backup.cc - ostler backup DIR, while the suite runs, and ostler restore DIR, while it does not.
// A backup holds the directory, the log of every account (its index is made anew), the queue as a journal, what `ostler why` knows, drop/
// and badmail/.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/unique_fd.h"
#include "libmailcore/config/restore_mark.h"
#include "libmailcore/journal/segment.h"
#include "libmailcore/store/local/lock.h"
#include "queued/health/probe.h"
#include "queued/tools/backup_list.h"
#include "queued/tools/backup_queue.h"
#include "queued/tools/common.h"
#include "queued/tools/owner.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 2;  ///< 1 had the queue as files for pickup/
constexpr const char* kNote = "BACKUP";
constexpr const char* kHistory = "history";  ///< below the queue; see queued/spool/history.h

/// Errors of the file system as ours.
template <class Work>
Result<void> guarded(Work work) {
  try {
    return work();
  } catch (const fs::filesystem_error& error) {
    return fail(Error::Kind::temporary, error.what());
  }
}

/// All that was written there is on the disk, whatever happens next.
Result<void> syncAll(const fs::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && ::syncfs(fd.get()) == 0) return {};
  return fail(Error::Kind::temporary, folder.string() + " cannot be synced: " + std::strerror(errno));
}

// ---- the directory: LMDB's own hot copy

Result<void> copyDirectory(const std::string& from, const fs::path& to) {
  if (!fs::exists(from + "/directory.mdb")) return {};
  fs::create_directories(to);
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code == 0) code = mdb_env_set_maxdbs(env, 64);
  if (code == 0) code = mdb_env_open(env, (from + "/directory.mdb").c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0600);
  if (code == 0) code = mdb_env_copy2(env, (to / "directory.mdb").c_str(), MDB_CP_COMPACT);
  mdb_env_close(env);
  return code == 0 ? Result<void>() : fail(Error::Kind::temporary, "copying the directory: " + std::string(mdb_strerror(code)));
}

// ---- accounts

/// A file that somebody takes away while we look needs no copy; one that is there and cannot be copied (a full disk, a bad one) is an
/// error: a backup is whole, or it is none.
void copyUnlessGone(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::copy_file(from, to, fs::copy_options::overwrite_existing, error)) return;
  if (error == std::errc::no_such_file_or_directory && !fs::exists(from)) return;
  throw fs::filesystem_error("cannot copy", from, to, error);
}

/// Files that are there and longer than their copies, or have none; copies whose file is gone are taken away.
void follow(const fs::path& from, const fs::path& to) {
  std::error_code gone;  // compaction may take a file away while we look
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path copy = to / entry.path().filename();
    const auto size = fs::file_size(entry.path(), gone);
    if (gone || (fs::exists(copy) && fs::file_size(copy) == size && fs::last_write_time(copy) >= fs::last_write_time(entry.path(), gone)))
      continue;
    copyUnlessGone(entry.path(), copy);
  }
  for (const auto& copy : fs::directory_iterator(to)) {
    if (!fs::exists(from / copy.path().filename())) fs::remove(copy.path());
  }
}

/// Most is copied while others write; under the account's lock only what changed meanwhile.
Result<void> copyAccount(const fs::path& from, const fs::path& to) {
  if (!fs::exists(from / "log")) return {};
  fs::create_directories(to / "log");
  follow(from / "log", to / "log");
  const UniqueFd fd(::open((from / "lock").c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail(Error::Kind::temporary, (from / "lock").string() + " cannot be opened");
  const auto lock = store::local::HeldLock::take(fd.get(), Deadline::after(std::chrono::seconds(30)));
  if (!lock) return fail(lock.error());
  follow(from / "log", to / "log");
  return {};
}

Result<std::size_t> copyAccounts(const fs::path& from, const fs::path& to) {
  std::size_t count = 0;
  fs::create_directories(to);
  if (!fs::exists(from)) return count;
  for (const auto& entry : fs::directory_iterator(from)) {
    if (!entry.is_directory()) continue;
    const Result<void> copied = copyAccount(entry.path(), to / entry.path().filename());
    if (!copied) return fail(copied.error());
    ++count;
  }
  return count;
}

// ---- drop and badmail

/// Files come there by rename: whatever has its name is whole.
void copyFiles(const fs::path& from, const fs::path& to) {
  std::error_code gone;  // somebody may fetch a file while we look
  if (!fs::exists(from)) return;
  for (auto entry = fs::recursive_directory_iterator(from, gone); entry != fs::recursive_directory_iterator(); entry.increment(gone)) {
    const fs::path target = to / fs::relative(entry->path(), from);
    if (entry->path().filename().string().starts_with('.')) continue;
    if (entry->is_directory(gone)) {
      fs::create_directories(target);
    } else {
      fs::create_directories(target.parent_path());
      copyUnlessGone(entry->path(), target);
    }
  }
}

// ---- what `ostler why` knows

/// Files of whole lines: the spool may be about to write the last one.
void copyHistory(const config::Config& config, const fs::path& to) {
  // The spool notes faster than it writes.
  (void)ask(config, "control", {"queue", "history"}, [](const std::string&) {}, Deadline::after(std::chrono::seconds(30)));
  const fs::path from = fs::path(config.queueDir()) / kHistory;
  copyFiles(from, to);
  for (const auto& copy : fs::directory_iterator(to)) {
    std::ifstream in(copy.path(), std::ios::ate);
    std::streamoff size = in.tellg();
    while (size > 0 && in.seekg(size - 1).get() != '\n') --size;
    fs::resize_file(copy.path(), static_cast<std::uintmax_t>(size));
  }
}

// ---- back

/// What is done with a backup that lost something.
enum class Damaged { refuse, bringBack };

/// The backup's format, and what differs from what was written into it.
struct Note {
  int format = 0;
  std::vector<std::string> differences;
};
Result<Note> readNote(const fs::path& folder) {
  std::ifstream in(folder / kNote);
  std::string word;
  int format = 0;
  in >> word >> format;
  if (word != "ostler-backup") return fail(Error::Kind::notFound, folder.string() + " holds no backup");
  if (format > kFormat)
    return fail(Error::Kind::permanent, fmt::format("this backup has format {}, newer than the {} this version knows", format, kFormat));
  return Note{format, differencesFrom(in, folder)};
}

void takeOver(const fs::path& from, const fs::path& to, const config::Config& config) {
  if (!fs::exists(from)) return;
  fs::create_directories(to);
  const std::optional<Owner> owner = ownerBelow(to.string(), config);
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path target = to / fs::relative(entry.path(), from);
    if (entry.is_directory()) {
      fs::create_directories(target);
      ::chmod(target.c_str(), 0770);
    } else {
      fs::copy_file(entry.path(), target, fs::copy_options::overwrite_existing);
      ::chmod(target.c_str(), 0660);
    }
    if (owner) give(target.string(), *owner);
  }
}

/// Under systemd there is no supervisor of ours.
bool spoolAnswers(const config::Config& config) {
  health::Probe probe;
  probe.address.unixPath = config.socketPath("control");
  probe.greets = false;
  return health::answers(probe);
}

void clear(const std::string& folder) {
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
}

bool isEmpty(const fs::path& folder) { return !fs::exists(folder) || fs::is_empty(folder); }

bool holdsJournal(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto segments = fd ? journal::listSegments(fd.get()) : Result<std::vector<std::uint64_t>>();
  return !segments || !segments->empty();
}

/// Each process has a user of its own and may enter what is its own alone. On a new disk the package's folders are missing, and what root
/// made there would be root's.
Result<void> makeFoldersOfThePackage(const config::Config& config) {
  const auto spool = config.users.find("spool");
  const bool hasUsers = spool != config.users.end() && !spool->second.empty();
  if (!hasUsers || ::geteuid() != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("systemd-tmpfiles", "systemd-tmpfiles", "--create", "ostler.conf", nullptr);
    ::_exit(127);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  for (const std::string& folder : {config.accountsDir(), config.directoryDir(), config.queueDir()}) {
    if (ownerBelow(folder, config)) continue;
    return fail(Error::Kind::permanent, folder + " is not there, or is root's: the processes could not enter it. Make the folders as /usr/lib/tmpfiles.d/ostler.conf says, then restore");
  }
  return {};
}

/// Until it is taken away nothing starts on what is there.
Result<void> setMark(const config::Config& config) {
  fs::create_directories(config.dataDir);
  std::ofstream mark(config::restoreMark(config));
  mark << "ostler restore began and has not ended\n";
  if (!mark.flush()) return fail(Error::Kind::temporary, "cannot write " + config::restoreMark(config));
  return syncAll(config.dataDir);
}

/// What an interrupted restore has left: all of it came from a backup, into an empty place.
void removeLeftovers(const config::Config& config) {
  for (const std::string& folder : {config.accountsDir(), config.directoryDir(), config.queueDir()}) clear(folder);
}

Result<void> restoreFrom(const fs::path& folder, const config::Config& config, Damaged damaged) {
  const Result<Note> note = readNote(folder);
  if (!note) return fail(note.error());
  for (const std::string& difference : note->differences) fmt::print(stderr, "{}: {}\n", folder.string(), difference);
  if (!note->differences.empty() && damaged == Damaged::refuse)
    return fail(Error::Kind::permanent, "this backup is not what was written, so nothing was restored; take another copy of it, or bring back what there is with --damaged");
  if (SupervisorLock::holder(config.runDir) || spoolAnswers(config))
    return fail(Error::Kind::temporary, "the suite runs; stop it first");
  if (!config::whyNotWhole(config).empty()) removeLeftovers(config);
  if (!isEmpty(config.accountsDir()) || fs::exists(config.directoryDir() + "/directory.mdb"))
    return fail(Error::Kind::exists, "there are accounts or a directory in " + config.dataDir + " already; a backup goes into an empty place");
  if (holdsJournal(config.queueDir()))
    return fail(Error::Kind::exists, "there is a queue in " + config.queueDir() + " already; a backup goes into an empty place");
  if (const Result<void> made = makeFoldersOfThePackage(config); !made) return made;
  if (const Result<void> marked = setMark(config); !marked) return marked;
  takeOver(folder / "directory", config.directoryDir(), config);
  takeOver(folder / "accounts", config.accountsDir(), config);
  takeOver(folder / "queue", note->format == 1 ? config.pickupDir() : config.queueDir(), config);
  takeOver(folder / "drop", config.dropDir(), config);
  takeOver(folder / "badmail", config.badmailDir(), config);
  Result<void> done = syncAll(config.spoolRoot());
  if (done) done = syncAll(config.dataDir);
  if (!done) return done;
  fs::remove(config::restoreMark(config));
  done = syncAll(config.dataDir);
  if (!done || note->differences.empty()) return done;
  return fail(Error::Kind::permanent, "restored what there was; look into it with `ostler mailbox check` and `ostler queue verify`");
}

Result<void> backupTo(const fs::path& to, const config::Config& config) {
  // What was accepted is in the queue or behind it: so the queue first. What is delivered between the two is in both, and the
  // mailbox refuses it when it comes again. The directory last: an account whose mail was copied is in it.
  const auto queued = copyQueue(config, to / "queue");
  if (!queued) return fail(queued.error());
  const auto accounts = copyAccounts(config.accountsDir(), to / "accounts");
  if (!accounts) return fail(accounts.error());
  copyHistory(config, to / "queue" / kHistory);
  copyFiles(config.dropDir(), to / "drop");
  copyFiles(config.badmailDir(), to / "badmail");
  const Result<void> directory = copyDirectory(config.directoryDir(), to / "directory");
  if (!directory) return directory;
  const Result<std::string> list = listFiles(to);
  if (!list) return fail(list.error());
  std::ofstream note(to / kNote);
  note << "ostler-backup " << kFormat << "\nversion " << OSTLER_VERSION << "\ntime " << std::time(nullptr) << "\n" << *list;
  if (!note.flush()) return fail(Error::Kind::temporary, "cannot write " + to.string());
  const Result<void> synced = syncAll(to);
  if (!synced) return synced;
  fmt::print("{} accounts, {} messages of the queue\n", *accounts, *queued);
  return {};
}

int told(const Call& call, const Result<void>& done) {
  if (done) return EX_OK;
  fmt::print(stderr, "{}: {}\n", call.name, done.error().detail);
  switch (done.error().kind) {
    case Error::Kind::exists: return EX_CANTCREAT;
    case Error::Kind::notFound: return EX_NOINPUT;
    case Error::Kind::permanent: return EX_DATAERR;
    default: return EX_TEMPFAIL;
  }
}

}  // namespace

int backup(const Call& call) {
  CommonOptions options;
  std::string folder;
  CLI::App app("Copies users, mail and queue to a folder while the suite runs. The configuration, certificates and keys are no part of it.");
  addConfigOption(app, options);
  app.add_option("folder", folder, "a new or empty folder")->required();
  if (const auto status = parse(app, call)) return *status;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  ::umask(0077);
  return told(call, guarded([&]() -> Result<void> {
    const fs::path to = fs::absolute(folder);
    if (!isEmpty(to)) return fail(Error::Kind::exists, folder + " is not empty");
    const bool isNew = fs::create_directories(to);
    const Result<void> done = guarded([&] { return backupTo(to, *config); });
    if (done) return done;
    clear(to.string());  // its pieces would keep the disk full, and the next backup out
    if (isNew) fs::remove(to);
    return done;
  }));
}

int restore(const Call& call) {
  CommonOptions options;
  std::string folder;
  bool damaged = false;
  CLI::App app("Puts a backup back: users, mail, and the queue as it stood. The suite must not run, and have no mail yet.");
  addConfigOption(app, options);
  app.add_option("folder", folder, "what `ostler backup` made")->required();
  app.add_flag("--damaged", damaged, "bring back what there is of a backup that lost something; exit status 65 then");
  if (const auto status = parse(app, call)) return *status;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  ::umask(0007);
  return told(call, guarded([&] { return restoreFrom(fs::absolute(folder), *config, damaged ? Damaged::bringBack : Damaged::refuse); }));
}

}  // namespace ostler::tools
