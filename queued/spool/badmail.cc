#include "queued/spool/badmail.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "queued/deliver/folder.h"

namespace ostler::spool {

namespace {

namespace fs = std::filesystem;

/// A name that stays in the folder, and is no reason beside another.
bool isName(const std::string& name) { return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos; }

std::string reasonFile(const std::string& folder, const std::string& name) { return folder + "/" + name + ".txt"; }

/// Beside a message, or written for one that is about to come. A dropped file called .txt has a reason of its own.
bool isReason(const fs::path& path) {
  std::error_code none;
  return path.extension() == ".txt" && !fs::exists(path.string() + ".txt", none);
}

bool removeOne(const std::string& folder, const std::string& name) {
  std::error_code none;
  const bool there = fs::remove(folder + "/" + name, none);
  fs::remove(reasonFile(folder, name), none);
  return there;
}

}  // namespace

std::string badmailName(const MessageRecord& record, const std::vector<std::uint32_t>& which) {
  const bool isWhole = which.empty() || record.recipients.size() == 1;
  return record.id.text() + (isWhole ? std::string() : "-" + std::to_string(which.front())) + ".eml";
}

std::string envelopeFields(const MessageRecord& record, const std::vector<std::uint32_t>& which) {
  std::string fields = "X-Sender: <" + record.reversePath + ">\r\n";
  for (const std::uint32_t at : which) {
    if (at < record.recipients.size()) fields += "X-Receiver: <" + record.recipients[at].recipient.forwardPath + ">\r\n";
  }
  return fields;
}

Result<void> writeBadmail(const std::string& folder, const std::string& name, const std::string& reason,
                          const std::vector<std::string_view>& octets) {
  Result<void> why = deliver::writeInto(folder, name + ".txt", {reason, "\n"});
  const bool isMissing = !why && why.error().kind == Error::Kind::permanent;
  if (isMissing && deliver::makeFolder(folder)) why = deliver::writeInto(folder, name + ".txt", {reason, "\n"});  // somebody took it away
  if (!why) return why;
  return deliver::writeInto(folder, name, octets);
}

namespace {

std::vector<BadmailEntry> entriesOf(const std::string& folder) {
  std::vector<BadmailEntry> entries;
  std::error_code none;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, none)) {
    const std::string name = file.path().filename().string();
    struct stat status {};
    if (!isName(name) || isReason(file.path()) || ::stat(file.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    BadmailEntry entry;
    entry.name = name;
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.since = std::chrono::system_clock::from_time_t(status.st_mtime);
    std::ifstream reason(reasonFile(folder, name));
    std::getline(reason, entry.reason);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

std::vector<BadmailEntry> listBadmail(const std::vector<std::string>& folders) {
  std::vector<BadmailEntry> entries;
  for (const std::string& folder : folders) {
    for (BadmailEntry& entry : entriesOf(folder)) entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const BadmailEntry& a, const BadmailEntry& b) {
    return a.since != b.since ? a.since < b.since : a.name < b.name;
  });
  return entries;
}

std::string folderOfBadmail(const std::vector<std::string>& folders, const std::string& name) {
  for (const std::string& folder : folders) {
    if (isName(name) && fs::is_regular_file(folder + "/" + name)) return folder;
  }
  return folders.empty() ? std::string() : folders.front();
}

Result<std::string> readBadmail(const std::string& folder, const std::string& name, std::uint64_t most) {
  std::ifstream message(folder + "/" + name, std::ios::binary);
  if (!isName(name) || !message) return fail(Error::Kind::notFound, "there is no badmail " + name);
  std::ifstream reason(reasonFile(folder, name));
  std::string text{std::istreambuf_iterator<char>(reason), {}};
  text += "\n";
  std::string octets(most, '\0');
  message.read(octets.data(), static_cast<std::streamsize>(octets.size()));
  octets.resize(static_cast<std::size_t>(std::max<std::streamsize>(message.gcount(), 0)));
  return text + octets;
}

Result<void> moveBadmail(const std::string& folder, const std::string& name, const std::string& to) {
  if (!isName(name)) return fail(Error::Kind::notFound, "there is no badmail " + name);
  const bool isMoved = ::rename((folder + "/" + name).c_str(), (to + "/" + name).c_str()) == 0;
  if (!isMoved && errno == EXDEV) {  // a virtual server's folder may be on another file system
    std::ifstream message(folder + "/" + name, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(message), {}};
    const Result<void> copied = message.bad() ? Result<void>(fail(Error::Kind::temporary, name + " cannot be read")) : deliver::writeInto(to, name, {octets});
    if (!copied) return copied;
    removeOne(folder, name);
    return {};
  }
  if (!isMoved) {
    return fail(errno == ENOENT ? Error::Kind::notFound : Error::Kind::temporary, name + ": " + std::strerror(errno));
  }
  std::error_code none;
  fs::remove(reasonFile(folder, name), none);
  return {};
}

std::size_t purgeBadmail(const std::string& folder, const std::vector<std::string>& names, bool all, WallTime before) {
  std::size_t gone = 0;
  for (const std::string& name : names) gone += isName(name) && removeOne(folder, name) ? 1 : 0;
  if (!all) return gone;
  for (const BadmailEntry& entry : listBadmail({folder})) gone += entry.since <= before && removeOne(folder, entry.name) ? 1 : 0;
  return gone;
}

std::size_t limitBadmail(const std::string& folder, WallTime now, std::chrono::seconds keep, ByteCount size) {
  std::size_t gone = keep.count() == 0 ? 0 : purgeBadmail(folder, {}, true, now - keep);
  if (size.octets == 0) return gone;
  const std::vector<BadmailEntry> entries = listBadmail({folder});
  std::uint64_t octets = 0;
  for (const BadmailEntry& entry : entries) octets += entry.size;
  for (const BadmailEntry& entry : entries) {
    if (octets <= size.octets) break;
    octets -= entry.size;
    gone += removeOne(folder, entry.name) ? 1 : 0;
  }
  return gone;
}

}  // namespace ostler::spool
