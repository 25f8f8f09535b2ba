// sandbox.cc - what is left to pop3d: its listening sockets, auth's socket, the folders that auth hands over, and
// nothing else. Users of their own keep the daemons apart; this holds where they share one (the throw-away root of
// packaging/quickstart).
#include "pop3d/sandbox.h"

#include <filesystem>

#include "libmailcore/daemon/confine.h"

namespace ostler::pop3 {
namespace {

// What a reload reads again.
std::vector<std::string> readable(const config::Config& config, const std::string& configFile) {
  const std::vector<std::string> secret = {config.dataDir,   config.queueDir(),   config.pickupDir(),
                                           config.dropDir(), config.badmailDir(), config.runDir};
  std::vector<std::string> files = {configFile};
  for (const net::CertificateFiles& pair : config.certificates) {
    files.push_back(pair.certificate);
    files.push_back(pair.key);
  }
  std::vector<std::string> paths = {"/etc/localtime"};
  for (const std::string& file : files) {
    for (std::string& path : daemon::pathsToRereadOf(file, secret)) paths.push_back(std::move(path));
  }
  return paths;
}

// accounts/ is entered only through descriptors of single accounts; landlock looks at paths, so it has to name the
// tree.
std::vector<std::string> writable(const config::Config& config) {
  std::vector<std::string> paths = {config.accountsDir(), config.runDir + "/notify"};
  std::error_code ignored;  // there already, or somebody else's to make
  for (const std::string& path : paths) std::filesystem::create_directories(path, ignored);
  if (config.log.target == config::LogSettings::Target::file) {
    paths.push_back(std::filesystem::path(config.log.file).parent_path().string());  // opened anew after rotation
  }
  return paths;
}

}  // namespace

Result<void> confineProcess(const config::Config& config, const std::string& configFile) {
  Result<void> done = daemon::becomeUser(config.user);
  if (done) done = daemon::noNewPrivileges();
  if (!done) return done;
  const daemon::FileRights rights{readable(config, configFile), writable(config),
                                  daemon::FileRights::OutgoingTcp::denied};
  const Result<bool> files = daemon::restrictFiles(rights);  // false: a kernel without landlock has the other walls
  if (!files) return fail(files.error());
  return daemon::restrictSystemCalls(daemon::SystemCalls::process);
}

Result<void> confineWorker() {
  return daemon::restrictSystemCalls(daemon::SystemCalls::worker);
}

}  // namespace ostler::pop3
