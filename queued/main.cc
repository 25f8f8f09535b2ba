// main.cc - queued: one program, five roles, each a process of its own with its own rights. `-c FILE --role spool|out|auth|health|programs`.
#include <sys/prctl.h>
#include <sysexits.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libmailcore/daemon/descriptors.h"
#include "queued/auth/auth.h"
#include "queued/health/health.h"
#include "queued/out/out.h"
#include "queued/programs/programs.h"
#include "queued/spool/spool.h"

namespace {

struct RoleEntry {
  std::string_view name;
  const char* processName;
  int (*run)(const std::string& configFile);
};

constexpr std::array kRoles = {
    RoleEntry{"spool", "queued/spool", &ostler::spool::runSpool},
    RoleEntry{"out", "queued/out", &ostler::out::runOut},
    RoleEntry{"auth", "queued/auth", &ostler::queued::auth::runAuth},
    RoleEntry{"programs", "queued/programs", &ostler::programs::runPrograms},
    RoleEntry{"health", "queued/health", &ostler::health::runHealth},
};

int usage() {
  std::fprintf(stderr, "usage: queued [-c FILE] --role spool|out|auth|health|programs\n");
  return EX_USAGE;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const named = std::getenv("OSTLER_CONFIG");
  std::string configFile = named != nullptr && *named != '\0' ? named : "/etc/ostler/ostler.yaml";
  std::string_view wanted;
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (word == "--version") return std::printf("queued (Ostler) %s\n", OSTLER_VERSION) > 0 ? EX_OK : EX_IOERR;
    if (at + 1 == argc) return usage();
    if (word == "-c" || word == "--config") {
      configFile = argv[++at];
    } else if (word == "--role") {
      wanted = argv[++at];
    } else {
      return usage();
    }
  }
  for (const RoleEntry& role : kRoles) {
    if (role.name != wanted) continue;
    ostler::daemon::useAllDescriptors();
    ::prctl(PR_SET_NAME, role.processName);  // what ps and top show
    return role.run(configFile);
  }
  return usage();
}
