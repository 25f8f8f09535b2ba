// nsd_server.h - a real authoritative DNS server (nsd) on loopback, with zones that a test writes, signed if it wants.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "libmailcore/net/address.h"
#include "tests/unit/support/skip.h"

extern char** environ;

namespace ostler::dns {

/// Runs until it goes. Zones first, then start().
class NsdServer {
 public:
  NsdServer() {
    std::string path = (std::filesystem::temp_directory_path() / "ostler-nsd-XXXXXX").string();
    folder_ = mkdtemp(path.data());
    useLibrariesOfRoot();
  }
  ~NsdServer() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  NsdServer(const NsdServer&) = delete;
  NsdServer& operator=(const NsdServer&) = delete;

  [[nodiscard]] static bool available() {
    return std::filesystem::exists(program("usr/sbin/nsd")) && std::filesystem::exists(program("usr/bin/ldns-signzone"));
  }

  /// Adds a zone; SOA and NS are put in front of `records` (zone file lines).
  void addZone(const std::string& name, const std::string& records, unsigned ttl = 60) {
    const std::string file = folder_ + "/" + name + ".zone";
    std::ofstream(file) << "$ORIGIN " << name << ".\n$TTL " << ttl << "\n"
                        << "@ SOA ns." << name << ". hostmaster." << name << ". 1 3600 600 86400 " << ttl << "\n"
                        << "@ NS ns." << name << ".\nns A 127.0.0.1\n"
                        << records;
    zones_.emplace_back(name, file);
  }
  /// The same, signed. Returns its trust anchor (a DS record).
  std::string addSignedZone(const std::string& name, const std::string& records) {
    addZone(name, records);
    const std::string key = run("cd " + folder_ + " && " + program("usr/bin/ldns-keygen") + " -a ECDSAP256SHA256 -k " + name);
    run("cd " + folder_ + " && " + program("usr/bin/ldns-signzone") + " -n -f " + name + ".signed -o " + name + " " + name + ".zone " + key);
    zones_.back().second = folder_ + "/" + name + ".signed";
    std::ifstream ds(folder_ + "/" + key + ".ds");
    std::string line;
    std::getline(ds, line);
    return line;
  }

  void start() {
    if (port_ == 0) port_ = freePort();
    std::ofstream conf(folder_ + "/nsd.conf");
    conf << "server:\n ip-address: 127.0.0.1@" << port_ << "\n username: \"\"\n chroot: \"\"\n database: \"\"\n"
         << " zonesdir: \"" << folder_ << "\"\n pidfile: \"" << folder_ << "/nsd.pid\"\n xfrdfile: \"" << folder_
         << "/xfrd\"\n zonelistfile: \"" << folder_ << "/zonelist\"\n logfile: \"" << folder_ << "/log\"\n rrl-ratelimit: 0\n"
         << " server-count: 1\nremote-control:\n control-enable: no\n";
    for (const auto& [name, file] : zones_) conf << "zone:\n name: \"" << name << "\"\n zonefile: \"" << file << "\"\n";
    conf.close();
    std::string name = program("usr/sbin/nsd"), d = "-d", c = "-c", path = folder_ + "/nsd.conf";
    std::array<char*, 5> arguments{name.data(), d.data(), c.data(), path.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int failed = posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("nsd does not start");
    for (int i = 0; i < 2000 && !answers(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  void stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  [[nodiscard]] net::Endpoint endpoint() const { return net::Endpoint::parse("127.0.0.1:" + std::to_string(port_)).value(); }

 private:
  /// OSTLER_NSD_ROOT: where tests/integration/unpack put nsd and ldnsutils; else where they are installed.
  static std::string program(const std::string& path) {
    const char* const root = std::getenv("OSTLER_NSD_ROOT");
    return (root ? std::string(root) : std::string()) + "/" + path;
  }
  /// The libraries that were unpacked with them.
  static void useLibrariesOfRoot() {
    const std::filesystem::path libraries = program("usr/lib");
    if (std::getenv("OSTLER_NSD_ROOT") == nullptr || !std::filesystem::exists(libraries)) return;
    for (const auto& entry : std::filesystem::directory_iterator(libraries)) {
      if (std::filesystem::exists(entry.path() / "libldns.so.3")) setenv("LD_LIBRARY_PATH", entry.path().c_str(), 1);
    }
  }
  static std::string run(const std::string& command) {
    FILE* const pipe = popen(command.c_str(), "r");
    std::string out;
    std::array<char, 256> chunk{};
    while (fgets(chunk.data(), chunk.size(), pipe)) out += chunk.data();
    if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }
  static std::uint16_t freePort() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
    socklen_t length = sizeof any;
    getsockname(fd, reinterpret_cast<sockaddr*>(&any), &length);
    close(fd);
    return ntohs(any.sin_port);
  }
  // A query for the root: REFUSED, but an answer.
  [[nodiscard]] bool answers() const {
    constexpr std::array<unsigned char, 17> kQuery{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_storage to{};
    const socklen_t length = endpoint().toSockaddr(to);
    bool got = false;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), length) == 0 && send(fd, kQuery.data(), kQuery.size(), 0) > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      std::array<char, 512> in{};
      got = recv(fd, in.data(), in.size(), 0) > 0;
    }
    close(fd);
    return got;
  }

  std::string folder_;
  std::vector<std::pair<std::string, std::string>> zones_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace ostler::dns
