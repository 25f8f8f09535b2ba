#include "libmailcore/daemon/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "libmailcore/base/unique_fd.h"

namespace ostler::daemon {
namespace {

tl::unexpected<Error> failed(const std::string& what) {
  return fail(Error::Kind::permanent, what + ": " + std::strerror(errno));
}

// ---- capabilities

bool hasCapability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  return ::syscall(SYS_capget, &header, sets.data()) == 0 && (sets[0].permitted & (1U << capability)) != 0;
}

Result<void> keepOnly(unsigned capability, bool keep) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  sets[0].permitted = sets[0].effective = keep ? 1U << capability : 0;
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return failed("capset");
  return {};
}

// ---- landlock: headers of Debian 12 know less than the kernel may; the numbers are its stable interface.

constexpr std::uint64_t kExecute = 1ULL << 0;
constexpr std::uint64_t kWriteFile = 1ULL << 1;
constexpr std::uint64_t kReadFile = 1ULL << 2;
constexpr std::uint64_t kReadFolder = 1ULL << 3;
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kConnectTcp = 1ULL << 1;

struct RulesetAttributes {  // landlock_ruleset_attr of ABI 4
  std::uint64_t files = 0;
  std::uint64_t network = 0;
};
struct PathBeneath {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
} __attribute__((packed));

// Everything about files that this ABI can forbid.
std::uint64_t allFileRights(long abi) {
  const unsigned count = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;  // refer, truncate, ioctl_dev came later
  return (1ULL << count) - 1;
}

Result<void> allowBelow(int ruleset, const std::string& path, std::uint64_t rights, std::uint64_t handled) {
  const UniqueFd at(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!at) return {};  // not there: nothing to allow
  struct stat status{};
  if (::fstat(at.get(), &status) != 0) return failed(path);
  if (!S_ISDIR(status.st_mode)) rights &= kReadFile | kWriteFile | kTruncate;
  PathBeneath rule{rights & handled, at.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0) != 0) return failed("landlock rule for " + path);
  return {};
}

// ---- seccomp

constexpr std::array kAlways = {
    // octets and sockets
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "preadv2",
    "pwritev",
    "pwritev2",
    "sendfile",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "accept4",
    "connect",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "socketpair",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "ioctl",
    "lseek",
    "fstat",
    "newfstatat",
    "statx",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    // memory, threads, time, signals
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "madvise",
    "brk",
    "mlock",
    "munlock",
    "membarrier",
    "futex",
    "futex_waitv",
    "rseq",
    "set_robust_list",
    "sched_yield",
    "sched_getaffinity",
    "getcpu",
    "prctl",
    "arch_prctl",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "tgkill",
    "restart_syscall",
    "exit",
    "exit_group",
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "uname",
    "sysinfo",
    "getrlimit",
    "prlimit64",
    "getrusage",
};
constexpr std::array kFilesByName = {
    "open",
    "openat",
    "access",
    "faccessat",
    "faccessat2",
    "stat",
    "lstat",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "ftruncate",
    "fsync",
    "fdatasync",
    "fallocate",
    "umask",
    "link",
    "linkat",
    "statfs",
    "fstatfs",
    "bind",
    "listen",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "seccomp",
};

constexpr std::array kKeepingMail = {
    "flock",         "sync_file_range",   "copy_file_range",  "fadvise64",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fchown",
    "fchownat",      "utimensat",         "symlinkat",        "rmdir",
    "msync",         "rt_sigpending",     "get_robust_list",  "mincore",
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

bool allow(const Filter& filter, const char* name) {
  const int number = seccomp_syscall_resolve_name(name);
  // A name this architecture does not have is not an error: there is nothing to allow.
  return number < 0 || seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0) == 0;
}

bool allowUnixSocketsAlone(const Filter& filter) {
  const scmp_arg_cmp unixAlone = {0, SCMP_CMP_EQ, 1 /* AF_UNIX */, 0};
  return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, unixAlone) == 0;
}

bool allowThreadsButNoProcesses(const Filter& filter) {
  const auto thread = static_cast<scmp_datum_t>(CLONE_THREAD);
  const scmp_arg_cmp flags = {0, SCMP_CMP_MASKED_EQ, thread, thread};
  // clone3's flags are behind a pointer; glibc falls back to clone when it is told that there is no clone3.
  return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, flags) == 0 &&
         seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

}  // namespace

Result<void> becomeUser(const std::string& user) {
  if (user.empty() || ::geteuid() != 0) return {};
  errno = 0;
  const passwd* const entry = ::getpwnam(user.c_str());
  if (!entry) return fail(Error::Kind::permanent, "there is no user " + user);
  const bool keepBinding = hasCapability(CAP_NET_BIND_SERVICE);
  if (::initgroups(user.c_str(), entry->pw_gid) != 0 || ::setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0) {
    return failed("changing to the groups of " + user);
  }
  if (::prctl(PR_SET_KEEPCAPS, 1) != 0) return failed("PR_SET_KEEPCAPS");
  if (::setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) return failed("changing to user " + user);
  const Result<void> kept = keepOnly(CAP_NET_BIND_SERVICE, keepBinding);
  if (!kept) return kept;
  if (::prctl(PR_SET_KEEPCAPS, 0) != 0) return failed("PR_SET_KEEPCAPS");
  if (::setuid(0) == 0) return fail(Error::Kind::permanent, "root came back after changing to " + user);
  return {};
}

Result<void> keepCapabilities(const std::vector<unsigned>& kept) {
  if (::geteuid() != 0) return {};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return failed("capget");
  std::array<std::uint32_t, 2> mask{};
  for (const unsigned capability : kept) mask[capability / 32] |= 1U << (capability % 32);
  // First what a program may ever get back: dropping it needs a capability that goes, too.
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    const bool stays = (mask[capability / 32] & 1U << (capability % 32)) != 0;
    if (!stays && ::prctl(PR_CAPBSET_READ, capability) == 1 && ::prctl(PR_CAPBSET_DROP, capability) != 0) return failed("PR_CAPBSET_DROP");
  }
  for (std::size_t half = 0; half < sets.size(); ++half) {
    sets[half].permitted &= mask[half];
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return failed("capset");
  return {};
}

Result<void> noNewPrivileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("PR_SET_NO_NEW_PRIVS");
  return {};
}

Result<bool> restrictFiles(const FileRights& rights) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
  if (abi < 1) return false;
  RulesetAttributes attributes;
  attributes.files = allFileRights(abi);
  if (abi >= 4 && rights.outgoingTcp == FileRights::OutgoingTcp::denied) attributes.network = kConnectTcp;
  const std::size_t size = abi >= 4 ? sizeof attributes : sizeof attributes.files;
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return failed("landlock_create_ruleset");
  for (const std::string& path : rights.read) {
    const auto added = allowBelow(ruleset.get(), path, kReadFile | kReadFolder, attributes.files);
    if (!added) return fail(added.error());
  }
  for (const std::string& path : rights.readWrite) {
    const auto added = allowBelow(ruleset.get(), path, attributes.files & ~kExecute, attributes.files);
    if (!added) return fail(added.error());
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return failed("landlock_restrict_self");
  return true;
}

Result<void> restrictSystemCalls(SystemCalls allowed) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return {};  // the sanitizers' runtimes start processes and open files when they report
#endif
#endif
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
  if (!filter) return fail(Error::Kind::permanent, "seccomp_init");
  bool good = std::all_of(kAlways.begin(), kAlways.end(), [&](const char* name) { return allow(filter, name); });
  if (allowed != SystemCalls::worker) {
    good = good && allowThreadsButNoProcesses(filter);
    good = good && (allowed == SystemCalls::keeper ? allowUnixSocketsAlone(filter) : allow(filter, "socket"));
    good = good &&
           std::all_of(kFilesByName.begin(), kFilesByName.end(), [&](const char* name) { return allow(filter, name); });
    if (allowed == SystemCalls::keeper) {
      good = good && std::all_of(kKeepingMail.begin(), kKeepingMail.end(),
                                 [&](const char* name) { return allow(filter, name); });
    }
  } else {
    good = good && allowUnixSocketsAlone(filter);
    // What a library looks for in vain (a zone file, a module) is not there, rather than forbidden.
    for (const int number : {SCMP_SYS(open), SCMP_SYS(openat)}) {
      good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EACCES), number, 0) == 0;
    }
  }
  if (!good) return fail(Error::Kind::permanent, "seccomp: a rule was refused");
  if (const int error = seccomp_load(filter.get()); error != 0) {
    return fail(Error::Kind::permanent, std::string("seccomp_load: ") + std::strerror(-error));
  }
  return {};
}

std::vector<std::string> pathsToRereadOf(const std::string& file, const std::vector<std::string>& secret) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto real = [&ignored](const fs::path& path) { return fs::weakly_canonical(fs::absolute(path), ignored); };
  const auto holdsSecrets = [&](const fs::path& folder) {
    return std::any_of(secret.begin(), secret.end(), [&](const std::string& path) {
      const fs::path below = real(path).lexically_relative(folder);
      return !below.empty() && *below.begin() != "..";
    });
  };
  // A link is read where it leads to now; the next time it may be a file where it stands, or lead to another file beside the first.
  std::vector<std::string> paths;
  for (const fs::path& place : {real(fs::absolute(file).parent_path()) / fs::path(file).filename(), real(file)}) {
    const fs::path folder = place.parent_path();
    if (!holdsSecrets(folder)) {
      paths.push_back(folder.string());
    } else {
      paths.push_back(place.string());
      paths.push_back((folder / "conf.d").string());
    }
  }
  return paths;
}

}  // namespace ostler::daemon
