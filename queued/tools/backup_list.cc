#include "queued/tools/backup_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "libmailcore/base/crc32c.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

struct Sum {
  std::uint64_t octets = 0;
  std::uint32_t crc = 0;
  bool operator==(const Sum&) const = default;
};

Result<Sum> sumOf(const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  Sum sum;
  std::string some(256 * 1024, '\0');
  for (ssize_t got = 1; fd && got > 0;) {
    got = ::read(fd.get(), some.data(), some.size());
    if (got == 0) return sum;
    if (got < 0) break;
    sum.crc = crc32c(std::string_view(some).substr(0, static_cast<std::size_t>(got)), sum.crc);
    sum.octets += static_cast<std::uint64_t>(got);
  }
  return fail(Error::Kind::temporary, file.string() + ": " + std::strerror(errno));
}

/// What is wrong with the file that a line of the list names; nothing where the line names none.
std::optional<std::string> faultOf(const std::string& line, const fs::path& folder) {
  std::istringstream words(line);
  std::string kind;
  std::string crc;
  Sum wanted;
  words >> kind >> wanted.octets >> crc;
  if (kind != "file" || !words) return std::nullopt;
  std::from_chars(crc.data(), crc.data() + crc.size(), wanted.crc, 16);
  std::string path;
  words.get();
  std::getline(words, path);
  if (!fs::exists(folder / path)) return path + " is missing";
  const Result<Sum> found = sumOf(folder / path);
  if (!found) return path + " cannot be read: " + found.error().detail;
  if (found->octets != wanted.octets) return fmt::format("{} has {} octets instead of {}", path, found->octets, wanted.octets);
  if (found->crc != wanted.crc) return path + " has changed since the backup was made";
  return std::nullopt;
}

}  // namespace

Result<std::string> listFiles(const fs::path& folder) {
  std::string list;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const Result<Sum> sum = sumOf(entry.path());
    if (!sum) return fail(sum.error());
    list += fmt::format("file {} {:08x} {}\n", sum->octets, sum->crc, fs::relative(entry.path(), folder).string());
  }
  return list;
}

std::vector<std::string> differencesFrom(std::istream& text, const fs::path& folder) {
  std::vector<std::string> faults;
  for (std::string line; std::getline(text, line);) {
    if (auto fault = faultOf(line, folder)) faults.push_back(std::move(*fault));
  }
  return faults;
}

}  // namespace ostler::tools
