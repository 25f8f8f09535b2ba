#include "libmailcore/journal/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/crc32c.h"

namespace ostler::journal {
namespace {

constexpr std::string_view kMagic = "ostlerJ1";
constexpr std::string_view kSuffix = ".seg";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::size_t kNumberDigits = 16;

void putNumber(std::string& out, std::uint64_t value, std::size_t octets) {
  for (std::size_t at = 0; at < octets; ++at) out += static_cast<char>(value >> (8 * at));
}

std::uint64_t takeNumber(std::string_view& in, std::size_t octets) {
  std::uint64_t value = 0;
  for (std::size_t at = octets; at-- > 0;) value = value << 8 | static_cast<unsigned char>(in[at]);
  in.remove_prefix(octets);
  return value;
}

Id128 takeId(std::string_view& in) {
  const Id128 id = Id128::fromOctets(in.substr(0, 16)).value_or(Id128{});
  in.remove_prefix(16);
  return id;
}

Result<std::vector<std::string>> listFolder(int folder) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const directory = copy >= 0 ? ::fdopendir(copy) : nullptr;
  if (directory == nullptr) {
    if (copy >= 0) ::close(copy);
    return fail(Error::Kind::temporary, "journal: the folder cannot be listed");
  }
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(directory)) names.emplace_back(entry->d_name);
  ::closedir(directory);
  return names;
}

std::optional<std::uint64_t> segmentNumber(std::string_view name) {
  if (name.size() != kNumberDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(0, kNumberDigits)) {
    const int digit = hexDigitValue(c);
    if (digit < 0) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(digit);
  }
  return number;
}

Result<void> writeHeader(const Disk& disk, int fd, SegmentHeader& header) {
  std::string octets = encodeSegmentHeader(header);
  iovec part{octets.data(), octets.size()};
  const Result<void> allocated = disk.allocate(fd, header.size);
  if (!allocated) return allocated;
  const Result<void> written = disk.write(fd, {&part, 1}, 0);
  if (!written) return written;
  return disk.syncData(fd);
}

}  // namespace

std::string encodeSegmentHeader(SegmentHeader& header) {
  std::string out(kMagic);
  out += header.id.octets();
  out += header.predecessor.octets();
  putNumber(out, header.number, 8);
  putNumber(out, header.firstBatch, 8);
  putNumber(out, header.size, 8);
  putNumber(out, header.user, 4);
  header.crc = crc32c(out);
  putNumber(out, header.crc, 4);
  return out;
}

Result<SegmentHeader> decodeSegmentHeader(std::string_view octets) {
  if (octets.size() < kSegmentHeader || !octets.starts_with(kMagic)) {
    return fail(Error::Kind::permanent, "journal: not a segment of this program's format");
  }
  std::string_view in = octets.substr(kMagic.size(), kSegmentHeader - kMagic.size());
  SegmentHeader header;
  header.id = takeId(in);
  header.predecessor = takeId(in);
  header.number = takeNumber(in, 8);
  header.firstBatch = takeNumber(in, 8);
  header.size = takeNumber(in, 8);
  header.user = static_cast<std::uint32_t>(takeNumber(in, 4));
  header.crc = static_cast<std::uint32_t>(takeNumber(in, 4));
  const bool sound = header.crc == crc32c(octets.substr(0, kSegmentHeader - 4)) && header.size > kSegmentStart;
  if (!sound) return fail(Error::Kind::permanent, "journal: a segment's header is damaged");
  return header;
}

std::string segmentName(std::uint64_t number) { return fmt::format("{:016x}{}", number, kSuffix); }

Result<std::vector<std::uint64_t>> listSegments(int folder) {
  const auto names = listFolder(folder);
  if (!names) return fail(names.error());
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (const auto number = segmentNumber(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<std::vector<std::string>> listSpares(int folder) {
  auto names = listFolder(folder);
  if (!names) return fail(names.error());
  std::erase_if(*names, [](const std::string& name) { return !name.starts_with(kSparePrefix); });
  return names;
}

Result<std::shared_ptr<const SegmentFile>> SegmentFile::open(int folder, std::uint64_t number) {
  const std::string name = segmentName(number);
  auto fd = Disk::real().open(folder, name, O_RDONLY);
  if (!fd) return fail(fd.error());
  std::array<char, kSegmentHeader> octets{};
  const Result<std::size_t> got = readAt(fd->get(), octets, 0);
  if (!got) return fail(got.error());
  const auto header = decodeSegmentHeader({octets.data(), *got});
  if (!header) return fail(header.error().kind, name + ": " + header.error().detail);
  if (header->number != number) return fail(Error::Kind::permanent, name + ": journal: holds another segment's header");
  return std::make_shared<const SegmentFile>(std::move(*fd), *header);
}

Result<std::string> SegmentFile::readRecord(std::uint64_t offset) const {
  std::array<char, kRecordHeader> octets{};
  const Result<std::size_t> got = readAt(fd(), octets, offset);
  if (!got) return fail(got.error());
  const std::string_view headerOctets(octets.data(), *got);
  const auto header = readRecordHeader(headerOctets);
  const std::string where = fmt::format("{} at {}", segmentName(header_.number), offset);
  if (!header || header->length > header_.size) return fail(Error::Kind::permanent, "journal: no record in " + where);
  std::string content(header->length, '\0');
  const Result<std::size_t> contentGot = readAt(fd(), content, offset + kRecordHeader);
  if (!contentGot) return fail(contentGot.error());
  if (*contentGot != content.size() || !recordIsSound(headerOctets, content, header_.id, offset)) {
    return fail(Error::Kind::permanent, "journal: a damaged record in " + where);
  }
  return content;
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(int folder, SegmentHeader header, const std::string& spare,
                                                             const Disk& disk) {
  const std::string prepared = spare.empty() ? std::string(kSparePrefix) + header.id.text() : spare;
  auto fd = disk.open(folder, prepared, O_RDWR | O_CREAT);
  if (!fd) return fail(fd.error());
  Result<void> done = writeHeader(disk, fd->get(), header);
  if (done) done = disk.rename(folder, prepared, segmentName(header.number));
  if (!done && spare.empty()) (void)disk.unlink(folder, prepared);
  if (!done) return fail(done.error());
  const Result<void> named = disk.syncFolder(folder);
  if (!named) return fail(Error::Kind::outcomeUnknown, named.error().detail);
  const LogEnd end{header.number, kSegmentStart, header.crc, header.firstBatch};
  return std::make_unique<SegmentWriter>(std::move(*fd), header, end, disk);
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::resume(int folder, const LogEnd& end, const Disk& disk) {
  const auto reader = SegmentFile::open(folder, end.segment);
  if (!reader) return fail(reader.error());
  auto fd = disk.open(folder, segmentName(end.segment), O_RDWR);
  if (!fd) return fail(fd.error());
  const Result<void> synced = disk.syncData(fd->get());
  if (!synced) return fail(synced.error());
  return std::make_unique<SegmentWriter>(std::move(*fd), (*reader)->header(), end, disk);
}

Result<std::vector<Position>> SegmentWriter::append(const std::vector<Item>& items) {
  if (poisoned_) return fail(Error::Kind::temporary, "journal: the segment is poisoned by an earlier failure");
  constexpr std::size_t kAlignment = 8;
  static constexpr std::array<char, kAlignment> kPadding{};
  std::vector<std::array<char, kRecordHeader>> headers(items.size());
  std::vector<iovec> parts;
  parts.reserve(items.size() * 3);
  std::vector<Position> places;
  places.reserve(items.size());
  std::uint64_t offset = end_.offset;
  std::uint32_t link = end_.link;
  for (std::size_t at = 0; at < items.size(); ++at) {
    const std::string_view content = items[at].content;
    RecordHeader header;
    header.link = link;
    header.type = items[at].type;
    header.firstOfBatch = at == 0;
    header.lastOfBatch = at + 1 == items.size();
    header.unsynced = end_.nextBatch - syncedThrough_;
    header.batch = end_.nextBatch;
    headers[at] = sealRecord(header, content, header_.id, offset);
    parts.push_back({headers[at].data(), kRecordHeader});
    if (!content.empty()) parts.push_back({const_cast<char*>(content.data()), content.size()});
    const std::uint64_t span = recordSpan(content.size());
    const std::uint64_t padding = span - kRecordHeader - content.size();
    if (padding > 0) parts.push_back({const_cast<char*>(kPadding.data()), padding});
    places.push_back({header_.number, offset});
    offset += span;
    link = header.crc;
  }
  const Result<void> written = disk_->write(fd_.get(), parts, end_.offset);
  if (!written) {
    poisoned_ = true;
    return fail(written.error());
  }
  end_.offset = offset;
  end_.link = link;
  ++end_.nextBatch;
  return places;
}

Result<void> SegmentWriter::sync() {
  if (poisoned_) return fail(Error::Kind::temporary, "journal: the segment is poisoned by an earlier failure");
  const std::uint64_t last = end_.nextBatch - 1;
  if (last == syncedThrough_) return {};
  Result<void> synced = disk_->syncData(fd_.get());
  if (!synced) {
    poisoned_ = true;
    return fail(Error::Kind::temporary, synced.error().detail);
  }
  syncedThrough_ = last;
  return {};
}

}  // namespace ostler::journal
