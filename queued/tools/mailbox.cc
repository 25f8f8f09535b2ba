// mailbox.cc - ostler mailbox list|check|rebuild|import|export: looking after one account's mail.
#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/async/loop.h"
#include "libmailcore/store/exchange.h"
#include "libmailcore/store/local_store.h"
#include "libmailcore/store/maintenance.h"
#include "queued/tools/directory_tool.h"
#include "queued/tools/owner.h"

namespace ostler::tools {

namespace {

using directory::OwnDirectory;
using directory::User;

constexpr std::size_t kMessagesTogether = 100;  // messages, or octets, that share one sync
constexpr std::size_t kOctetsTogether = 8 << 20;

/// What the verbs take.
struct MailboxOptions {
  std::string address;
  std::string mailbox = "INBOX";
  std::string maildir;
  std::string mbox;
  bool all = false;
};

std::string folderOf(const config::Config& config, const User& user) { return config.accountsDir() + "/" + user.id.text(); }

/// When it goes, what root made in the account's folder belongs to the accounts' owner.
struct Belongings {
  const config::Config& config;
  std::string folder;
  ~Belongings() {
    const std::optional<Owner> owner = ownerBelow(config.accountsDir(), config);
    if (!owner) return;
    std::error_code ignored;
    give(folder, *owner);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) give(entry.path(), *owner);
  }
};

Result<UniqueFd> openFolder(const config::Config& config, const User& user) {
  const std::string path = folderOf(config, user);
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(Error::Kind::notFound, user.address() + " has no mail yet, or " + path + " may not be entered");
  return folder;
}

Result<std::vector<User>> chosenUsers(OwnDirectory& directory, const MailboxOptions& options) {
  if (options.all) return directory.users("");
  const Result<directory::Address> address = fullAddress(directory, options.address);
  if (!address) return fail(address.error());
  std::vector<User> chosen;
  const Result<void> found = directory.edit([&](Edit& edit) -> Result<void> {
    const Result<User> user = edit.user(address->domain, address->localPart);
    if (!user) return fail(user.error());
    chosen.push_back(*user);
    return {};
  });
  if (!found) return fail(found.error());
  return chosen;
}

void print(const std::string& address, const store::CheckReport& report, const CommonOptions& options) {
  if (options.json) {
    printJson({{"user", address},
               {"mailboxes", report.mailboxes},
               {"messages", report.messages},
               {"octets", report.octets},
               {"problems", report.problems},
               {"repaired", report.repaired}});
    return;
  }
  fmt::print("{}: {} mailboxes, {} messages, {} octets\n", address, report.mailboxes, report.messages, report.octets);
  for (const std::string& problem : report.problems) fmt::print("  problem: {}\n", problem);
  for (const std::string& repaired : report.repaired) fmt::print("  repaired: {}\n", repaired);
}

using Look = Result<store::CheckReport> (*)(int folder);

Result<void> lookAfter(OwnDirectory& directory, const config::Config& config, const MailboxOptions& options, const CommonOptions& common,
                       Look look) {
  const auto users = chosenUsers(directory, options);
  if (!users) return fail(users.error());
  std::size_t damaged = 0;
  for (const User& user : *users) {
    const Result<UniqueFd> folder = openFolder(config, user);
    if (!folder && options.all) continue;  // nobody wrote to it yet
    if (!folder) return fail(folder.error());
    const Belongings belongings{config, folderOf(config, user)};
    const auto report = look(folder->get());
    if (!report) return fail(report.error());
    print(user.address(), *report, common);
    if (!report->problems.empty()) ++damaged;
  }
  if (damaged > 0) return fail(Error::Kind::permanent, fmt::format("{} of {} accounts have problems", damaged, users->size()));
  return {};
}

/// One account, opened as a daemon opens it: the daemons may run meanwhile.
class OpenAccount {
 public:
  static Result<std::unique_ptr<OpenAccount>> open(const config::Config& config, const User& user) {
    auto folder = openFolder(config, user);
    if (!folder) return fail(folder.error());
    auto shared = store::makeLocalShared({.notifyDir = config.runDir + "/notify", .log = {}});
    if (!shared) return fail(shared.error());
    std::unique_ptr<OpenAccount> opened(new OpenAccount(config, folderOf(config, user)));
    opened->shared_ = std::move(*shared);
    opened->store_ = store::makeLocalStore(opened->loop_, opened->shared_);
    auto account = opened->run(opened->store_->open(user.id, std::move(*folder), {}));
    if (!account) return fail(account.error());
    opened->account_ = std::move(*account);
    return opened;
  }
  ~OpenAccount() {
    account_.reset();
    store_.reset();
    shared_.reset();
  }
  store::Account& account() { return *account_; }
  template <class T>
  T run(Task<T> task) {
    return loop_.runUntilDone(std::move(task));
  }

 private:
  OpenAccount(const config::Config& config, std::string folder) : belongings_{config, std::move(folder)} {}
  Belongings belongings_;
  Loop loop_;
  std::shared_ptr<store::LocalShared> shared_;
  std::unique_ptr<store::Store> store_;
  std::shared_ptr<store::Account> account_;
};

enum class Missing { refused, made };
Result<std::unique_ptr<OpenAccount>> openOne(OwnDirectory& directory, const config::Config& config, const MailboxOptions& options,
                                             Missing missing) {
  const auto users = chosenUsers(directory, options);
  if (!users) return fail(users.error());
  if (missing == Missing::made) {
    const std::optional<Owner> owner = ownerBelow(config.accountsDir(), config);
    if (::mkdir(config.accountsDir().c_str(), 0700) == 0 && owner) give(config.accountsDir(), *owner);
    (void)::mkdir(folderOf(config, users->front()).c_str(), 0770);
  }
  return OpenAccount::open(config, users->front());
}

Result<void> listMailboxes(OwnDirectory& directory, const config::Config& config, const MailboxOptions& options, const CommonOptions& common) {
  auto opened = openOne(directory, config, options, Missing::refused);
  if (!opened) return fail(opened.error());
  const auto all = (*opened)->run((*opened)->account().mailboxes());
  if (!all) return fail(all.error());
  for (const store::MailboxInfo& info : *all) {
    if (common.json) {
      printJson({{"name", info.name}, {"messages", info.messages}, {"unseen", info.unseen}, {"octets", info.octets},
                 {"subscribed", info.subscribed}, {"exists", info.exists}});
    } else {
      fmt::print("{:<32} {:>9} messages {:>9} unseen {:>14} octets\n", info.name, info.messages, info.unseen, info.octets);
    }
  }
  return {};
}

/// Collects messages and appends many with one sync.
class Importer {
 public:
  Importer(OpenAccount& opened, std::string inbox) : opened_(opened), inbox_(std::move(inbox)) {}
  Result<void> take(store::ForeignMessage from) {
    store::NewMessage to;
    to.emailId = Id128::make(SystemClock().now());
    to.mailbox = from.folder.empty() ? inbox_ : from.folder;
    to.internalDate = from.date;
    to.flags.system = from.flags;
    octets_ += from.content.size();
    to.content = std::move(from.content);
    batch_.push_back(std::move(to));
    return batch_.size() >= kMessagesTogether || octets_ >= kOctetsTogether ? flush() : Result<void>();
  }
  Result<void> flush() {
    if (batch_.empty()) return {};
    octets_ = 0;
    const auto appended = opened_.run(opened_.account().append(std::exchange(batch_, {})));
    if (!appended) return fail(appended.error());
    imported_ += appended->size();
    return {};
  }
  [[nodiscard]] std::size_t imported() const { return imported_; }

 private:
  OpenAccount& opened_;
  std::string inbox_;
  std::vector<store::NewMessage> batch_;
  std::size_t octets_ = 0;
  std::size_t imported_ = 0;
};

Result<void> import(OwnDirectory& directory, const config::Config& config, const MailboxOptions& options) {
  auto opened = openOne(directory, config, options, Missing::made);
  if (!opened) return fail(opened.error());
  Importer importer(**opened, options.mailbox);
  const auto take = [&](store::ForeignMessage message) { return importer.take(std::move(message)); };
  Result<void> done = options.maildir.empty() ? store::readMbox(options.mbox, take) : store::readMaildir(options.maildir, take);
  if (done) done = importer.flush();
  fmt::print("{} messages imported\n", importer.imported());
  return done;
}

/// Writes the messages of a mailbox. Repeatable: a second run writes the same again.
class ExportVisitor final : public store::Visitor {
 public:
  explicit ExportVisitor(const MailboxOptions& options) : options_(options) {}
  void begin(const store::MailboxInfo&) override {
    exported = 0;
    failure = {};
    if (!options_.mbox.empty()) mbox_.open(options_.mbox, std::ios::binary | std::ios::trunc);
    for (const char* part : {"cur", "new", "tmp"}) {
      std::error_code ignored;
      if (!options_.maildir.empty()) std::filesystem::create_directories(options_.maildir + "/" + part, ignored);
    }
  }
  bool row(const store::MessageRow& row) override {
    std::string content(row.content->size(), '\0');
    failure = row.content->read(0, content);
    if (failure && !write(row, content)) failure = fail(Error::Kind::temporary, "cannot write to " + options_.maildir + options_.mbox);
    if (failure) ++exported;
    return failure.has_value();
  }
  std::size_t exported = 0;
  Result<void> failure;

 private:
  bool write(const store::MessageRow& row, const std::string& content) {
    if (!options_.mbox.empty()) return static_cast<bool>((mbox_ << store::mboxPiece(content, row.internalDate)).flush());
    const std::string name = fmt::format("{}.{}.ostler", row.internalDate, row.uid.value);
    const std::string path = options_.maildir + "/cur/" + name + store::maildirInfo(row.flags.bits);
    const std::string aside = options_.maildir + "/tmp/" + name;
    std::ofstream file(aside, std::ios::binary | std::ios::trunc);
    if (!(file << store::withLf(content)).flush()) return false;
    file.close();
    const timespec times[2] = {{row.internalDate, 0}, {row.internalDate, 0}};
    return ::utimensat(AT_FDCWD, aside.c_str(), times, 0) == 0 && ::rename(aside.c_str(), path.c_str()) == 0;
  }
  const MailboxOptions& options_;
  std::ofstream mbox_;
};

Result<void> exportMailbox(OwnDirectory& directory, const config::Config& config, const MailboxOptions& options) {
  auto opened = openOne(directory, config, options, Missing::refused);
  if (!opened) return fail(opened.error());
  const auto mailbox = (*opened)->run((*opened)->account().mailbox(options.mailbox));
  if (!mailbox) return fail(mailbox.error());
  const auto visitor = std::make_shared<ExportVisitor>(options);
  const store::Columns columns{.dates = true, .content = true};
  const Result<void> visited = (*opened)->run((*opened)->account().visit(mailbox->id, store::UidSet::all(), columns, visitor));
  fmt::print("{} messages exported\n", visitor->exported);
  return visited ? visitor->failure : visited;
}

}  // namespace

int mailbox(const Call& call) {
  CommonOptions common;
  MailboxOptions options;
  ::umask(0007);  // what lies in an account belongs to the group of the daemons that share it
  CLI::App app("Mailboxes: what lies in the store.");
  app.require_subcommand(1)->fallthrough();
  addConfigOption(app, common);
  addJsonOption(app, common);
  CLI::App* const listVerb = app.add_subcommand("list", "the mailboxes of a user");
  CLI::App* const checkVerb = app.add_subcommand("check", "read everything, and compare the index with the log");
  CLI::App* const rebuildVerb = app.add_subcommand("rebuild", "make the index anew from the log");
  CLI::App* const importVerb = app.add_subcommand("import", "take mail from a Maildir (with its folders) or an mbox");
  CLI::App* const exportVerb = app.add_subcommand("export", "write a mailbox to a Maildir or an mbox");
  for (CLI::App* const verb : {listVerb, importVerb, exportVerb}) verb->add_option("address", options.address, "the user")->required();
  for (CLI::App* const verb : {checkVerb, rebuildVerb}) {
    CLI::Option* const one = verb->add_option("address", options.address, "the user");
    verb->add_flag("--all", options.all, "all users")->excludes(one);
  }
  for (CLI::App* const verb : {importVerb, exportVerb}) {
    verb->add_option("--mailbox", options.mailbox, "INBOX if not given");
    auto* const format = verb->add_option_group("format");
    format->add_option("--maildir", options.maildir, "a Maildir")->type_name("DIR");
    format->add_option("--mbox", options.mbox, "an mbox file")->type_name("FILE");
    format->require_option(1);
  }
  if (const auto status = parse(app, call)) return *status;
  return withDirectory(call, common, [&](OwnDirectory& directory, const config::Config& config) -> Result<void> {
    if (listVerb->parsed()) return listMailboxes(directory, config, options, common);
    if (checkVerb->parsed()) return lookAfter(directory, config, options, common, &store::checkAccount);
    if (rebuildVerb->parsed()) return lookAfter(directory, config, options, common, &store::rebuildAccount);
    if (importVerb->parsed()) return import(directory, config, options);
    return exportMailbox(directory, config, options);
  });
}

}  // namespace ostler::tools
