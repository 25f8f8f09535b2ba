#include "queued/tools/backup_queue.h"

#include <fcntl.h>
#include <sysexits.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/base64.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/segment.h"
#include "queued/spool/large_files.h"
#include "queued/spool/records.h"
#include "queued/tools/common.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;
using journal::SegmentWriter;

constexpr std::uint64_t kTogether = 8U << 20;    ///< octets of one segment, about
constexpr std::size_t kBatchesTogether = 4'000;  ///< below journal::kMaxUnsynced

/// One record of a batch, with its octets.
struct Entry {
  spool::RecordType type;
  std::string octets;
};

/// Writes batches to segments, each just as large as what it holds.
class SegmentsWriter {
 public:
  explicit SegmentsWriter(int folder) : folder_(folder) {}

  [[nodiscard]] Result<void> add(std::vector<Entry> batch) {
    for (const Entry& entry : batch) span_ += journal::recordSpan(entry.octets.size());
    gathered_.push_back(std::move(batch));
    return span_ < kTogether && gathered_.size() < kBatchesTogether ? Result<void>() : finish();
  }
  /// What was added is synced.
  [[nodiscard]] Result<void> finish() {
    if (gathered_.empty()) return {};
    journal::SegmentHeader header;
    header.id = Id128::make(std::chrono::system_clock::now());
    header.predecessor = predecessor_;
    header.number = ++number_;
    header.firstBatch = nextBatch_;
    header.size = journal::kSegmentStart + span_;
    header.user = spool::kRecordsVersion;
    auto writer = SegmentWriter::create(folder_, header);
    if (!writer) return fail(writer.error());
    for (const std::vector<Entry>& batch : gathered_) {
      // The last one tells that those before it were synced: what is damaged among them is no torn tail, behind which nothing is read.
      const Result<void> synced = &batch == &gathered_.back() ? (*writer)->sync() : Result<void>();
      if (!synced) return synced;
      std::vector<SegmentWriter::Item> items;
      for (const Entry& entry : batch) items.push_back({static_cast<std::uint16_t>(entry.type), entry.octets});
      const auto appended = (*writer)->append(items);
      if (!appended) return fail(appended.error());
    }
    predecessor_ = header.id;
    nextBatch_ = (*writer)->end().nextBatch;
    gathered_.clear();
    span_ = 0;
    return (*writer)->sync();
  }

 private:
  int folder_;
  std::vector<std::vector<Entry>> gathered_;
  std::uint64_t span_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t nextBatch_ = 1;
  Id128 predecessor_;
};

class QueueCopy {
 public:
  QueueCopy(const config::Config& config, spool::LargeFiles& large, int folder) : config_(config), large_(large), segments_(folder) {}

  // A message of the first list that is gone when it is asked for was delivered, and then a mailbox has it, which is copied later;
  // or it failed, and then its report came into the queue meanwhile. The second list has that. A report causes no report.
  [[nodiscard]] Result<std::size_t> run() {
    Result<void> done = copyHolds();
    for (int pass = 0; done && pass < 2; ++pass) done = copyListed();
    const auto left = done ? listed() : Result<std::vector<std::string>>(fail(done.error()));
    if (!left) return fail(left.error());
    for (const std::string& id : *left) {
      if (refused_.contains(id)) return fail(Error::Kind::temporary, "the message " + id + " cannot be read from the queue");
    }
    done = segments_.finish();
    return done ? Result<std::size_t>(copied_.size()) : fail(done.error());
  }

 private:
  using OnRow = std::function<void(const nlohmann::json&)>;

  /// Rows of JSON, over all pages.
  [[nodiscard]] int rowsOf(std::vector<std::string> words, const OnRow& each) const {
    const auto split = [&each](const std::string& page) {
      for (std::size_t start = 0; start < page.size();) {
        const std::size_t end = std::min(page.find('\n', start), page.size());
        const auto row = nlohmann::json::parse(page.substr(start, end - start), nullptr, false);
        if (row.is_object()) each(row);
        start = end + 1;
      }
    };
    return ask(config_, "control", std::move(words), split, Deadline::after(std::chrono::hours(1)));
  }

  [[nodiscard]] Result<std::vector<std::string>> listed() const {
    std::vector<std::string> ids;
    const auto note = [&ids](const nlohmann::json& row) {
      if (row.contains("id")) ids.push_back(row["id"].get<std::string>());
    };
    if (rowsOf({"queue", "list", "--json"}, note) == EX_OK) return ids;
    return fail(Error::Kind::temporary, "the queue is not in this backup: the spool does not answer");
  }

  [[nodiscard]] Result<void> copyHolds() {
    Result<void> done;
    const auto take = [&](const nlohmann::json& row) {
      spool::DestinationRecord record;
      record.key = row.value("key", std::string());
      record.hold = row.value("hold", std::string()) == "held" ? spool::Hold::held : spool::Hold::frozen;
      if (done) done = segments_.add({{spool::RecordType::destination, spool::encodeRecord(record)}});
    };
    if (rowsOf({"queue", "holds", "--json"}, take) != EX_OK) return fail(Error::Kind::temporary, "the queue is not in this backup: the spool does not answer");
    return done;
  }

  [[nodiscard]] Result<void> copyListed() {
    const auto ids = listed();
    if (!ids) return fail(ids.error());
    refused_.clear();
    for (const std::string& id : *ids) {
      if (copied_.contains(id)) continue;
      const Result<void> done = copyMessage(id);
      if (!done) return done;
    }
    return {};
  }

  [[nodiscard]] Result<void> copyMessage(const std::string& id) {
    std::string record;
    std::string content;
    const auto take = [&](const nlohmann::json& row) {
      if (row.contains("record")) record = decodeBase64(row["record"].get<std::string>()).value_or("");
      if (row.contains("octets")) content += decodeBase64(row["octets"].get<std::string>()).value_or("");
    };
    const int status = rowsOf({"queue", "export", id, "--record"}, take);
    const auto decoded = spool::decodeRecord(static_cast<std::uint16_t>(spool::RecordType::message), record);
    const auto* const message = decoded ? std::get_if<spool::MessageRecord>(&*decoded) : nullptr;
    if (status != EX_OK || message == nullptr || content.size() != message->size) {
      refused_.insert(id);
      return {};
    }
    const Result<void> written = message->large ? writeLarge(*message, content) : Result<void>();
    if (!written) return written;
    copied_.insert(id);
    std::vector<Entry> batch = {{spool::RecordType::message, std::move(record)}};
    if (!message->large) batch.push_back({spool::RecordType::content, std::move(content)});
    return segments_.add(std::move(batch));
  }

  [[nodiscard]] Result<void> writeLarge(const spool::MessageRecord& message, const std::string& content) {
    const Result<UniqueFd> file = large_.create(message.id);
    if (!file) return fail(file.error());
    const Result<void> written = spool::writeAll(file->get(), content);
    return written ? large_.finish(message.id, file->get()) : written;
  }

  const config::Config& config_;
  spool::LargeFiles& large_;
  SegmentsWriter segments_;
  std::set<std::string> copied_;
  std::set<std::string> refused_;  ///< by the spool, in this pass
};

}  // namespace

Result<std::size_t> copyQueue(const config::Config& config, const std::string& to) {
  fs::create_directories(to);
  const UniqueFd folder(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(Error::Kind::temporary, to + " cannot be opened");
  Result<spool::LargeFiles> large = spool::LargeFiles::open(to);
  if (!large) return fail(large.error());
  return QueueCopy(config, *large, folder.get()).run();
}

}  // namespace ostler::tools
