#include "libmailcore/store/local/append.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "libmailcore/base/crc32c.h"
#include "libmailcore/store/local/operations.h"
#include "libmailcore/store/names.h"

namespace ostler::store::local {
namespace {

constexpr std::uint64_t kRecordOverhead = 512;  // the numbers of an arrival, its record header and padding
constexpr std::size_t kCopyStep = 1 << 18;

Result<void> writeAt(const journal::Disk& disk, int fd, std::string_view octets, std::uint64_t offset) {
  iovec part{const_cast<char*>(octets.data()), octets.size()};
  return disk.write(fd, {&part, 1}, offset);
}

// To the beginning of `to`.
Result<void> copyRange(const journal::Disk& disk, int from, std::uint64_t offset, std::uint64_t length, int to) {
  std::string buffer;
  for (std::uint64_t at = 0; length > 0;) {
    buffer.resize(std::min<std::uint64_t>(length, kCopyStep));
    const auto got = journal::readAt(from, buffer, offset);
    if (!got) return fail(got.error());
    if (*got == 0) return fail(Error::Kind::temporary, "store: a message's file is shorter than announced");
    const Result<void> put = writeAt(disk, to, std::string_view(buffer).substr(0, *got), at);
    if (!put) return put;
    at += *got;
    offset += *got;
    length -= *got;
  }
  return {};
}

/// A file mapped for reading, as text.
class Mapped {
 public:
  Mapped(int fd, std::uint64_t length) : length_(length) {
    if (length_ > 0) map_ = ::mmap(nullptr, length_, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  ~Mapped() {
    if (map_ != MAP_FAILED) ::munmap(map_, length_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  [[nodiscard]] bool ok() const { return map_ != MAP_FAILED; }
  [[nodiscard]] std::string_view text() const { return {static_cast<const char*>(map_), length_}; }

 private:
  void* map_ = MAP_FAILED;
  std::uint64_t length_;
};

}  // namespace

DraftFile::~DraftFile() {
  if (!name_.empty()) ::unlinkat(folder_, name_.c_str(), 0);
}

Result<void> DraftFile::keepAs(const std::string& finalName) {
  const Result<void> renamed = disk_.rename(folder_, name_, finalName);
  if (!renamed) return renamed;
  name_ = finalName;
  kept_ = true;
  return disk_.syncFolder(folder_);
}

AppendOperation::AppendOperation(std::vector<NewMessage> messages) {
  items_.reserve(messages.size());
  for (NewMessage& message : messages) {
    Item item;
    item.message = std::move(message);
    items_.push_back(std::move(item));
  }
  for (const Item& item : items_) {
    const NewMessage& m = item.message;
    const std::uint64_t whole = m.prefix.size() + (m.file ? m.fileLength : m.content.size());
    const std::uint64_t inRecord = whole > kLargeMessage ? m.prefix.size() : whole;
    std::uint64_t names = m.deliveryId.size() + m.uidl.size();
    for (const std::string& keyword : m.flags.keywords) names += keyword.size() + 16;
    if (const auto* const name = std::get_if<std::string>(&m.mailbox)) {  // it may have to be made, with its parents
      const auto levels = static_cast<std::uint64_t>(std::count(name->begin(), name->end(), kSeparator)) + 1;
      names += levels * (2 * kMaxNameOctets + kRecordOverhead);
    }
    span_ += inRecord + names + kRecordOverhead;
  }
}

Result<void> AppendOperation::prepare(AccountFolder& folder) {
  for (Item& item : items_) {
    const NewMessage& m = item.message;
    if (!m.file && m.fileLength != 0) return fail(Error::Kind::temporary, "store: a message's file is not open");
    const std::uint64_t whole = m.prefix.size() + (m.file ? m.fileLength : m.content.size());
    const Result<void> prepared = whole > kLargeMessage ? prepareLarge(item, folder) : prepareSmall(item);
    if (!prepared) return prepared;
  }
  return {};
}

// What was refused leaves no file behind. A record that may yet come to count keeps its file.
void AppendOperation::done(Result<void> outcome) {
  const bool isThere = outcome || outcome.error().kind == Error::Kind::outcomeUnknown;
  for (Item& item : items_) {
    if (item.draft && isThere) item.draft->handOver();
    item.draft.reset();
  }
}

Result<void> AppendOperation::prepareSmall(Item& item) {
  NewMessage& m = item.message;
  item.tail = std::move(m.prefix);
  if (m.file) {
    const std::size_t before = item.tail.size();
    item.tail.resize(before + m.fileLength);
    const auto got = journal::readAt(m.file.get(), std::span(item.tail).subspan(before), m.fileOffset);
    if (!got) return fail(got.error());
    if (*got != m.fileLength) return fail(Error::Kind::temporary, "store: a message's file is shorter than announced");
  } else if (item.tail.empty()) {
    item.tail = std::move(m.content);
  } else {
    item.tail += m.content;
  }
  m.content.clear();
  item.columns = std::make_shared<const PreparedColumns>(prepareColumns(item.tail));
  return {};
}

// A link to the spool's file where the file system gives one, else a copy. Synced, under a name that start-up and `check` clean away.
Result<void> AppendOperation::prepareLarge(Item& item, AccountFolder& folder) {
  NewMessage& m = item.message;
  const journal::Disk& disk = folder.disk();
  const int logFolder = folder.logFolder();
  item.tail = std::move(m.prefix);
  const std::string name = "draft-" + Id128::make(SystemClock().now()).text();
  const std::string source = "/proc/self/fd/" + std::to_string(m.file.get());
  const bool linked = m.file && ::linkat(AT_FDCWD, source.c_str(), logFolder, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  const auto opened = disk.open(logFolder, name, linked ? O_RDONLY : O_RDWR | O_CREAT | O_EXCL);
  item.draft = std::make_unique<DraftFile>(disk, logFolder, name);
  if (!opened) return fail(opened.error());
  const int fd = opened->get();
  item.fileOffset = linked ? m.fileOffset : 0;
  item.fileLength = m.file ? m.fileLength : m.content.size();
  if (!linked) {
    const Result<void> written =
        m.file ? copyRange(disk, m.file.get(), m.fileOffset, m.fileLength, fd) : writeAt(disk, fd, m.content, 0);
    if (!written) return written;
  }
  if (const Result<void> synced = disk.syncData(fd); !synced) return synced;
  m.content.clear();
  struct stat info{};
  if (::fstat(fd, &info) != 0 || static_cast<std::uint64_t>(info.st_size) < item.fileOffset + item.fileLength) {
    return fail(Error::Kind::temporary, "store: a message's file is shorter than announced");
  }
  const Mapped mapped(fd, item.fileOffset + item.fileLength);
  if (!mapped.ok()) return fail(systemError("map of a large message"));
  const std::string_view content = mapped.text().substr(item.fileOffset);
  item.fileCrc = crc32c(content);
  const std::string joined = item.tail.empty() ? std::string() : item.tail + std::string(content);
  item.columns = std::make_shared<const PreparedColumns>(prepareColumns(joined.empty() ? content : std::string_view(joined)));
  return {};
}

// All that can be refused, before anything is emitted.
Result<void> AppendOperation::check(Planner& planner) const {
  std::uint64_t octets = 0;
  std::uint64_t count = 0;
  for (const Item& item : items_) {
    const NewMessage& m = item.message;
    if (!m.deliveryId.empty() && planner.apply.txn().get(Table::known, deliveryKey(m.deliveryId))) continue;
    octets += item.size();
    ++count;
    const MailboxRow* row = nullptr;
    if (const auto* const id = std::get_if<MailboxId>(&m.mailbox)) {
      row = planner.apply.mailbox(*id);
      if (row == nullptr) return fail(noSuchMailbox());
    } else {
      const Result<std::string> name = canonicalName(std::get<std::string>(m.mailbox));
      if (!name) return fail(name.error());
      row = planner.apply.mailbox(std::string_view(*name));
    }
    std::vector<std::string> keywords = row == nullptr ? std::vector<std::string>{} : row->keywords;
    const Result<Flags> flags = resolveFlags(m.flags, keywords);
    if (!flags) return fail(flags.error());
    if (row != nullptr && row->uidNext > UINT32_MAX - items_.size()) return fail(Error::Kind::limit, "the mailbox has no UIDs left");
  }
  return checkQuota(planner, octets, count);
}

Result<void> AppendOperation::plan(Planner& planner) {
  appended_.clear();
  const Result<void> allowed = check(planner);
  if (!allowed) return allowed;
  const ModSeq modSeq = planner.nextModSeq();
  for (Item& item : items_) {
    Result<Appended> one = appendOne(planner, item, modSeq);
    if (!one) return fail(one.error());
    appended_.push_back(*one);
  }
  return {};
}

Result<Appended> AppendOperation::appendOne(Planner& planner, Item& item, ModSeq modSeq) {
  const NewMessage& m = item.message;
  const Txn& txn = planner.apply.txn();
  if (const auto seen = m.deliveryId.empty() ? std::nullopt : txn.get(Table::known, deliveryKey(m.deliveryId))) {
    const DeliveryRow row = deliveryRow(*seen);
    return Appended{row.mailbox, row.uidValidity, row.uid, true};
  }
  const auto* const id = std::get_if<MailboxId>(&m.mailbox);
  const MailboxNumber number =
      id != nullptr ? planner.apply.mailbox(*id)->number
                    : ensureMailbox(planner, *canonicalName(std::get<std::string>(m.mailbox)), SpecialUse::none);
  const MailboxRow& row = *planner.apply.mailbox(number);
  std::vector<std::string> keywords = row.keywords;
  const Result<Flags> flags = resolveFlags(m.flags, keywords);
  if (!flags) return fail(flags.error());
  if (keywords.size() > row.keywords.size()) {
    const auto firstNew = keywords.begin() + static_cast<std::ptrdiff_t>(row.keywords.size());
    planner.emit(KeywordsAdded{number, {firstNew, keywords.end()}});
  }

  Arrival arrival;
  arrival.mailbox = number;
  arrival.uid = Uid{row.uidNext};
  arrival.modSeq = modSeq;
  arrival.emailId = m.emailId;
  arrival.threadId = m.emailId;
  arrival.internalDate = m.internalDate;
  arrival.saveDate = toUnixMillis(SystemClock().now()) / 1000;
  arrival.flags = flags->bits;
  arrival.deliveryId = m.deliveryId;
  arrival.uidl = m.uidl;
  if (txn.get(Table::mail, m.emailId.octets())) {
    arrival.kind = ContentKind::known;
  } else {
    for (const std::string_view key : threadKeys(*item.columns)) {
      const auto thread = txn.get(Table::known, threadKey(threadHash(key)));
      if (!thread) continue;
      arrival.threadId = threadRow(*thread).threadId;
      break;
    }
    if (item.draft) {
      const Result<void> kept = item.draft->keepAs(messageFileName(m.emailId));
      if (!kept) return fail(kept.error());
      arrival.kind = ContentKind::file;
      arrival.fileOffset = item.fileOffset;
      arrival.fileLength = item.fileLength;
      arrival.fileCrc = item.fileCrc;
    }
    arrival.tail = item.tail;
    planner.apply.hint(m.emailId, item.columns);
  }
  planner.emit(arrival);
  return Appended{row.id, row.uidValidity, arrival.uid, false};
}

}  // namespace ostler::store::local
