#include "libmailcore/directory/resolve.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "libmailcore/base/unique_fd.h"
#include "libmailcore/directory/walk.h"

namespace ostler::directory {

namespace {

/// As much as kMostPlaces long addresses take: what is larger leads to more, or is no list.
constexpr std::size_t kMostIncludeOctets = std::size_t{16} << 20;

Error tooLarge(const std::string& path) { return {Error::Kind::limit, path + " is larger than 16 MiB"}; }

/// Reads a list that no stranger can have written: whoever may write it decides where our mail goes.
Result<std::string> readIncludeFile(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail(Error::Kind::temporary, path + ": " + std::strerror(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(Error::Kind::denied, path + ": not a regular file");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Error::Kind::denied, path + ": writable by others than its owner; chmod go-w");
  if (static_cast<std::uint64_t>(info.st_size) > kMostIncludeOctets) return fail(tooLarge(path));
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0) return fail(Error::Kind::temporary, path + ": " + std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostIncludeOctets) return fail(tooLarge(path));  // it grows
  }
}

bool isSystemAccount(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> octets{};
  return ::getpwnam_r(name.c_str(), &entry, octets.data(), octets.size(), &found) == 0 && found != nullptr;
}

}  // namespace

ResolveOptions resolveOptions(const config::Config& config) {
  const config::DirectorySettings& settings = config.directory;
  ResolveOptions options;
  options.tagSeparator = settings.tagSeparator;
  options.files = settings.aliasFiles;
  options.pipes = settings.aliasPipes;
  options.postmaster = settings.postmaster;
  options.systemAccounts = settings.systemAccounts;
  options.hostName = canonicalDomain(config.hostName).value_or("");
  options.isSystemAccount = isSystemAccount;
  options.readInclude = readIncludeFile;
  return options;
}

Result<ipc::Resolution> resolve(Directory& directory, const ResolveOptions& options, std::string_view address) {
  return Walk(directory, options).from(address);
}

ipc::Account accountOf(const User& user, const Domain& domain) {
  const auto either = [](std::uint64_t own, std::uint64_t ofDomain) { return own != 0 ? own : ofDomain; };
  ipc::Account account;
  account.id = user.id;
  account.address = user.address();
  account.quotaOctets = either(user.limits.mailboxOctets, domain.limits.mailboxOctets);
  account.quotaMessages = either(user.limits.mailboxMessages, domain.limits.mailboxMessages);
  account.messageSize = either(user.limits.messageSize, domain.limits.messageSize);
  return account;
}

}  // namespace ostler::directory
