#include "libmailcore/daemon/reach.h"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace ostler;

TEST_CASE("a file that a reload brings needs a restart where the running processes have no right to its folder") {
  const std::string root = std::filesystem::temp_directory_path() / "ostler-reach";  // nothing of it need be there
  config::Config atStart;
  atStart.dataDir = root + "/data";
  atStart.runDir = root + "/run";
  atStart.certificates = {{root + "/tls/a.pem", root + "/tls/a.key"}};
  atStart.log.target = config::LogTarget::file;
  atStart.log.file = root + "/log/ostler.log";
  struct Row {
    const char* name;
    void (*change)(config::Config& now, const std::string& root);
    const char* expected;  ///< its key; empty: a reload will do
  };
  using config::Config;
  for (const Row& row : {
           Row{"nothing", [](Config&, const std::string&) {}, ""},
           Row{"a certificate beside the first", [](Config& now, const std::string& at) { now.certificates = {{at + "/tls/b.pem", at + "/tls/b.key"}}; }, ""},
           Row{"a certificate below the configuration's folder", [](Config& now, const std::string& at) { now.certificates = {{at + "/etc/b/b.pem", at + "/etc/b/b.key"}}; }, ""},
           Row{"a certificate elsewhere", [](Config& now, const std::string& at) { now.certificates = {{at + "/other/b.pem", at + "/tls/b.key"}}; }, "tls.certificates"},
           Row{"authorities elsewhere", [](Config& now, const std::string& at) { now.clientCa = at + "/other/ca.pem"; }, "tls.client_ca"},
           Row{"keys of logins elsewhere", [](Config& now, const std::string& at) { now.oauth.jwksFile = at + "/other/jwks.json"; }, "oauth.jwks_file"},
           Row{"keys of logins in /etc, which auth reads", [](Config& now, const std::string&) { now.oauth.jwksFile = "/etc/jwks.json"; }, ""},
           Row{"another log beside the first", [](Config& now, const std::string& at) { now.log.file = at + "/log/other.log"; }, ""},
           Row{"a log elsewhere", [](Config& now, const std::string& at) { now.log.file = at + "/other/ostler.log"; }, "log.file"},
           Row{"a list of recipients elsewhere", [](Config& now, const std::string& at) { now.routes.emplace_back().recipientsFile = at + "/other/list"; }, "recipients_file"},
           Row{"a name that only begins alike", [](Config& now, const std::string& at) { now.clientCa = at + "/tls2/ca.pem"; }, "tls.client_ca"},
       }) {
    CAPTURE(row.name);
    Config now = atStart;
    row.change(now, root);
    const auto said = daemon::outOfReach(atStart, now, root + "/etc/ostler.yaml");
    REQUIRE(said.size() == (*row.expected == '\0' ? 0U : 1U));
    if (!said.empty()) CHECK_THAT(said[0], Catch::StartsWith(std::string(row.expected) + " needs a restart: " + root + "/other/") || Catch::Contains("/tls2/"));
  }
}
