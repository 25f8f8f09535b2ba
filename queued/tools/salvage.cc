#include "queued/tools/salvage.h"

#include <fcntl.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/crc32c.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/journal/replay.h"
#include "queued/deliver/folder.h"
#include "queued/spool/badmail.h"
#include "queued/spool/queue.h"

namespace ostler::tools {
namespace {

using spool::Message;
using spool::MessageRecord;

class Salvage {
 public:
  Salvage(std::string queueDir, std::string folder) : queueDir_(std::move(queueDir)), folder_(std::move(folder)) {}

  int run() {
    const UniqueFd queueFolder(::open(queueDir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!queueFolder) return fmt::print(stderr, "{}: {}\n", queueDir_, std::strerror(errno)), EX_NOINPUT;
    std::error_code none;
    std::filesystem::create_directories(folder_, none);
    // First what there is and how it stands, then the contents of what is left.
    const auto states = journal::replay(queueFolder.get(), 0, [this](const journal::Batch& batch) {
      noteOrphans(batch);
      if (!queue_.replay(batch)) ++unreadable_;
      return true;
    });
    if (!states) return fmt::print(stderr, "{}\n", states.error().detail), EX_IOERR;
    for (const journal::Damage& damage : states->damage) {
      ++unreadable_;
      fmt::print(stderr, "damaged: segment {} at {}, up to segment {} at {}: {}\n", damage.from.segment, damage.from.offset, damage.to.segment,
                 damage.to.offset, damage.what);
    }
    for (const auto& [id, lastReply] : orphans_) fmt::print(stderr, "{}: the message is lost; its last attempt: {}\n", id.text(), printable(lastReply, 300));
    const auto contents = journal::replay(queueFolder.get(), 0, [this](const journal::Batch& batch) {
      each(batch);
      return true;
    });
    if (!contents) return fmt::print(stderr, "{}\n", contents.error().detail), EX_IOERR;
    for (const auto& [id, message] : queue_.messages()) {
      if (!written_.contains(id) && !message.large) fmt::print(stderr, "{}: its content is lost\n", id.text());
    }
    const std::size_t all = queue_.messages().size() + orphans_.size();
    fmt::print("{} of {} messages written to {}\n", written_.size(), all, folder_);
    return unreadable_ > 0 || written_.size() < all ? EX_DATAERR : EX_OK;
  }

 private:
  /// Messages of which only an attempt that put them off can be read: their own record stood where the damage is.
  void noteOrphans(const journal::Batch& batch) {
    for (const journal::Record& raw : batch.records) {
      if (raw.type == static_cast<std::uint16_t>(spool::RecordType::content)) continue;
      const auto record = spool::decodeRecord(raw.type, raw.content);
      if (!record) continue;
      if (const auto* const message = std::get_if<MessageRecord>(&*record)) orphans_.erase(message->id);
      if (const auto* const delivered = std::get_if<spool::DeliveredRecord>(&*record)) {
        for (const Id128& id : delivered->ids) orphans_.erase(id);
      }
      if (const auto* const mark = std::get_if<spool::MarkRecord>(&*record); mark != nullptr && mark->kind == spool::MarkRecord::Kind::removed) {
        orphans_.erase(mark->id);
      }
      const auto* const outcome = std::get_if<spool::OutcomeRecord>(&*record);
      if (outcome == nullptr || queue_.find(outcome->id) != nullptr) continue;
      orphans_.erase(outcome->id);  // what ended belongs to a message that was done, and whose record has given its place to others
      for (const auto& entry : outcome->entries) {
        if (entry.state == spool::RecipientState::pending) orphans_[outcome->id] = entry.lastReply;
      }
    }
  }

  void each(const journal::Batch& batch) {
    const Message* message = nullptr;
    for (const journal::Record& raw : batch.records) {
      if (raw.type == static_cast<std::uint16_t>(spool::RecordType::content)) {
        if (message != nullptr) write(*message, raw.content);
        message = nullptr;
        continue;
      }
      message = nullptr;
      const auto record = spool::decodeRecord(raw.type, raw.content);
      if (!record) continue;
      const auto* const described = std::get_if<MessageRecord>(&*record);
      message = described == nullptr ? nullptr : queue_.find(described->id);
      if (message == nullptr || !message->large) continue;
      writeLarge(*message);
      message = nullptr;
    }
  }

  void write(const Message& message, std::string_view content) {
    const MessageRecord record = queue_.unpack(message);
    std::vector<std::uint32_t> pending;
    for (std::uint32_t at = 0; at < record.recipients.size(); ++at) {
      if (record.recipients[at].state == spool::RecipientState::pending) pending.push_back(at);
    }
    const std::string name = record.id.text() + ".eml";
    const Result<void> done = deliver::writeInto(folder_, name, {spool::envelopeFields(record, pending), content});
    if (!done) {
      fmt::print(stderr, "{}\n", done.error().detail);
      return;
    }
    written_.insert(record.id);  // it may stand in the journal twice
  }

  void writeLarge(const Message& message) {
    std::ifstream file(queueDir_ + "/large/" + message.id.text(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open()) {
      fmt::print(stderr, "{}: its content is not in large/\n", message.id.text());
      return;
    }
    const std::optional<std::uint32_t> crc = queue_.unpack(message).contentCrc;
    const bool isSound = content.size() >= message.size && (!crc || *crc == crc32c(std::string_view(content).substr(0, message.size)));
    if (!isSound) fmt::print(stderr, "{}: its content in large/ is damaged, and written as it is\n", message.id.text());
    write(message, content);
  }

  std::string queueDir_;
  std::string folder_;
  spool::Queue queue_;
  std::set<Id128> written_;
  std::map<Id128, std::string> orphans_;  ///< with what their last attempt was told
  std::size_t unreadable_ = 0;
};

}  // namespace

int salvage(const config::Config& config, const std::string& folder) {
  if (folder.empty()) return fmt::print(stderr, "ostler queue salvage --to FOLDER\n"), EX_USAGE;
  return Salvage(config.queueDir(), folder).run();
}

}  // namespace ostler::tools
