#include "libmailcore/log/log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "libmailcore/base/ascii.h"
#include "libmailcore/log/format.h"
#include "libmailcore/log/open.h"

using namespace ostler;
using namespace ostler::log;

namespace {

class File {
 public:
  File() {
    char name[] = "/tmp/ostler-log-XXXXXX";
    ::close(::mkstemp(name));
    name_ = name;
  }
  ~File() { std::remove(name_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string content() const {
    std::ostringstream out;
    out << std::ifstream(name_).rdbuf();
    return out.str();
  }

 private:
  std::string name_;
};

Log openFile(const File& file) {
  Options options;
  options.target = Options::Target::file;
  options.program = "smtpd";
  options.file = file.name();
  return Log::open(options);
}

std::size_t lines(const std::string& text) {
  return split(text, '\n').size() - 1;
}

const std::vector<Field> kFields = {
    {"client", "[::1]:25"}, {"octets", std::uint64_t{7}}, {"said", "a \"b\"\r\nfake=1 \xFF \xC3\xA4"}, {"empty", ""}};
const Line kLine = {fromUnixMillis(1'000), Level::warn, "smtpd", "auth", "login", kFields};

}  // namespace

TEST_CASE("a text line quotes what a peer sent and stays one line") {
  CHECK(formatText(kLine) ==
        "1970-01-01T00:00:01.000Z warn smtpd/auth login client=[::1]:25 octets=7 said=\"a \\\"b\\\"\\x0d\\x0afake=1 "
        "\\xff \xC3\xA4\" empty=\"\"\n");
}

TEST_CASE("a JSON line is an object with the same content") {
  const std::string text = formatJson(kLine);
  CHECK(lines(text) == 1);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["program"] == "smtpd");
  CHECK(json["module"] == "auth");
  CHECK(json["event"] == "login");
  CHECK(json["said"] == "a \"b\"\r\nfake=1 \xEF\xBF\xBD \xC3\xA4");
}

TEST_CASE("a line that the disk had no room for leaves no piece, which the next would be joined with") {
  const File file;
  const Log log = openFile(file);
  log.info("first");
  const std::string first = file.content();
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{first.size() + 40, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  log.info("second", {{"text", std::string(100, 'x')}});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(file.content() == first);
  log.info("third");
  const std::string all = file.content();
  CHECK(lines(all) == 2);
  CHECK_THAT(all, Catch::Contains("info smtpd third\n"));
}

TEST_CASE("a module's level is its own and can be changed while it runs") {
  const File file;
  const Log log = openFile(file);
  const Log store = log.module("store");
  CHECK_FALSE(store.enabled(Level::debug));
  log.setLevel("store", Level::debug);
  CHECK(store.enabled(Level::debug));
  CHECK_FALSE(log.enabled(Level::debug));
  log.setLevel("", Level::error);
  log.warn("unheard");
  store.debug("heard", {{"uid", 7}});
  CHECK(lines(file.content()) == 1);
  CHECK_THAT(file.content(), Catch::Contains("smtpd/store heard uid=7\n"));
}

TEST_CASE("after rotation lines go to the new file") {
  const File file;
  const Log log = openFile(file);
  log.info("one");
  const std::string rotated = file.name() + ".1";
  REQUIRE(std::rename(file.name().c_str(), rotated.c_str()) == 0);
  log.info("two");
  log.reopen();
  log.info("three");
  CHECK_THAT(file.content(), !Catch::Contains("two") && Catch::Contains("three"));
  std::remove(rotated.c_str());
}

TEST_CASE("a file that is full is put aside by one of those that write to it, and all go on in the new one without losing a line") {
  char folder[] = "/tmp/ostler-log-XXXXXX";
  REQUIRE(::mkdtemp(folder));
  Options options;
  options.target = Options::Target::file;
  options.program = "smtpd";
  options.file = std::string(folder) + "/ostler.log";
  options.maxSize = 400;
  const Log one = Log::open(options);
  const Log other = Log::open(options);
  CHECK(one.changesFile());
  for (int line = 0; line < 20; ++line) {
    one.info("told-by-one");
    other.info("told-by-other");
    one.tick();
    other.tick();
  }
  std::size_t told = 0;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ostringstream content;
    content << std::ifstream(entry.path()).rdbuf();
    told += lines(content.str());
    ++files;
    CHECK(content.str().size() < 400 + 2 * 100);
  }
  CHECK(files > 1);
  CHECK(told == 40);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a log file that somebody took away is made anew at the next look") {
  const File file;
  const Log log = openFile(file);
  REQUIRE(std::remove(file.name().c_str()) == 0);
  log.tick();
  log.info("again");
  CHECK_THAT(file.content(), Catch::Contains("again"));
}

TEST_CASE("the hour, the day, the week and the month may each have a file") {
  char folder[] = "/tmp/ostler-log-XXXXXX";
  REQUIRE(::mkdtemp(folder));
  for (const char* const pattern : {"%Y%m%d%H", "%Y%m%d", "%G-%V", "%Y%m"}) {
    Options options;
    options.target = Options::Target::file;
    options.file = std::string(folder) + "/log-" + pattern;
    const Log log = Log::open(options);
    CHECK(log.changesFile());
    log.info("told");
    const std::time_t now = std::time(nullptr);
    char name[100];
    std::strftime(name, sizeof name, options.file.c_str(), std::localtime(&now));
    CHECK(std::filesystem::file_size(name) > 0);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("a default-made log says nothing and costs nothing") {
  const Log log;
  CHECK_FALSE(log.enabled(Level::error));
  log.error("nowhere");
  log.module("x").setLevel("x", Level::trace);
  log.reopen();
}

TEST_CASE("the local syslog server gets priority, local time, program and pid, as syslog(3) writes them") {
  const Line line = {fromUnixMillis(1'790'000'000'000), Level::info, "queued/spool", "", "accepted", {}};
  const std::string octets = formatLocalSyslog(line, 22, 17, "accepted id=01abc");
  CHECK_THAT(octets, Catch::StartsWith("<22>Sep 2") && Catch::EndsWith(" queued/spool[17]: accepted id=01abc"));
  CHECK(octets.size() == std::string("<22>Sep 21 14:13:20 queued/spool[17]: accepted id=01abc").size());
}

TEST_CASE("rules give processes and virtual servers targets and levels of their own, the later ones winning") {
  using Settings = config::LogSettings;
  Settings all;
  all.level = "warn";
  all.rules.resize(3);
  all.rules[0].processes = {"smtpd", "spool"};
  all.rules[0].level = "debug";
  all.rules[1].virtualServer = "inside";
  all.rules[1].target = config::LogTarget::file;
  all.rules[1].file = "/var/log/inside.log";
  all.rules[2].processes = {"spool"};
  all.rules[2].level = "error";
  CHECK(config::logOf(all, "imapd").level == "warn");
  CHECK(config::logOf(all, "smtpd").level == "debug");
  CHECK(config::logOf(all, "spool").level == "error");
  CHECK(config::logOf(all, "smtpd").target == config::LogTarget::standardError);
  const Settings inside = config::logOf(all, "smtpd", "inside");
  CHECK(inside.target == config::LogTarget::file);
  CHECK(inside.file == "/var/log/inside.log");
  CHECK(inside.level == "debug");
}

TEST_CASE("the lines of a virtual server go where its rule says, and those of the process where they went") {
  const File whole;
  const File inside;
  config::LogSettings settings;
  settings.target = config::LogTarget::file;
  settings.file = whole.name();
  settings.rules.resize(1);
  settings.rules[0].virtualServer = "inside";
  settings.rules[0].target = config::LogTarget::file;
  settings.rules[0].file = inside.name();
  const Log process = open(settings, "smtpd");
  process.of("inside").info("one");
  process.of("outside").info("two");
  process.of("").info("two");
  process.info("three");
  CHECK(lines(inside.content()) == 1);
  CHECK(inside.content().find(" one") != std::string::npos);
  CHECK(lines(whole.content()) == 3);
}

TEST_CASE("a process is a module with a level of its own, which a reload sets and takes away") {
  const File file;
  config::LogSettings settings;
  settings.target = config::LogTarget::file;
  settings.file = file.name();
  const Log spool = open(settings, "queued/spool");
  const Log store = spool.module("store");
  CHECK_FALSE(spool.enabled(Level::debug));
  settings.modules = {{"spool", "debug"}, {"store", "error"}, {"imapd", "trace"}};
  apply(spool, settings, "queued/spool");
  CHECK(spool.enabled(Level::debug));
  CHECK_FALSE(spool.enabled(Level::trace));
  CHECK_FALSE(store.enabled(Level::warn));
  settings.modules.clear();
  apply(spool, settings, "queued/spool");
  CHECK_FALSE(spool.enabled(Level::debug));
  CHECK(spool.enabled(Level::info));
  CHECK(store.enabled(Level::warn));
}

TEST_CASE("what a rule says of a process goes before its level as a module") {
  const File file;
  config::LogSettings settings;
  settings.target = config::LogTarget::file;
  settings.file = file.name();
  settings.modules = {{"imapd", "debug"}};
  settings.rules.resize(1);
  settings.rules[0].processes = {"imapd"};
  settings.rules[0].level = "warn";
  CHECK_FALSE(open(settings, "imapd").enabled(Level::info));
}

TEST_CASE("a virtual server's log counts and rotates with the process's, has its modules' levels, and a reload replaces it") {
  const File whole;
  const File inside;
  config::LogSettings settings;
  settings.target = config::LogTarget::file;
  settings.file = whole.name();
  settings.rules.resize(1);
  settings.rules[0].virtualServer = "inside";
  settings.rules[0].target = config::LogTarget::file;
  settings.rules[0].file = inside.name();
  settings.rules[0].level = "warn";
  settings.modules["store"] = "debug";
  const Log process = open(settings, "queued/spool");
  const Log store = process.module("store");
  process.of("inside").info("unheard");
  store.of("inside").debug("heard");
  CHECK_THAT(inside.content(), Catch::Contains("queued/spool/store heard") && !Catch::Contains("unheard"));
  const std::string rotated = inside.name() + ".1";
  REQUIRE(std::rename(inside.name().c_str(), rotated.c_str()) == 0);
  process.reopen();
  process.of("inside").warn("anew");
  CHECK(lines(inside.content()) == 1);
  std::remove(rotated.c_str());
  settings.rules.clear();
  apply(process, settings, "queued/spool");
  process.of("inside").warn("together");
  CHECK(lines(inside.content()) == 1);
  CHECK_THAT(whole.content(), Catch::Contains("together"));
}

TEST_CASE("processes without lines of a virtual server open no file for it") {
  const File whole;
  config::LogSettings settings;
  settings.target = config::LogTarget::file;
  settings.file = whole.name();
  settings.rules.resize(1);
  settings.rules[0].virtualServer = "inside";
  settings.rules[0].target = config::LogTarget::file;
  settings.rules[0].file = whole.name() + ".inside";
  const Log process = open(settings, "imapd");
  CHECK_FALSE(std::ifstream(settings.rules[0].file).is_open());
}

TEST_CASE("a log file in a folder that hands its group down is open to that group, whatever the umask") {
  char folder[] = "/tmp/ostler-log-folder-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  for (const auto& [mode, expected] : {std::pair{02770, 0660}, std::pair{0770, 0600}}) {
    REQUIRE(::chmod(folder, static_cast<mode_t>(mode)) == 0);
    Options options;
    options.target = Options::Target::file;
    options.file = std::string(folder) + "/log" + std::to_string(mode);
    const mode_t before = ::umask(0077);
    Log::open(options).info("made");
    ::umask(before);
    struct stat made{};
    REQUIRE(::stat(options.file.c_str(), &made) == 0);
    CHECK((made.st_mode & 0777) == static_cast<mode_t>(expected));
    std::remove(options.file.c_str());
  }
  ::rmdir(folder);
}
