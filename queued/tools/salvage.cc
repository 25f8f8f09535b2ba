#include "queued/tools/salvage.h"

#include <fcntl.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

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
      if (!queue_.replay(batch)) ++unreadable_;
      return true;
    });
    if (!states) return fmt::print(stderr, "{}\n", states.error().detail), EX_IOERR;
    for (const journal::Damage& damage : states->damage) {
      ++unreadable_;
      fmt::print(stderr, "damaged: segment {} at {}: {}\n", damage.from.segment, damage.from.offset, damage.what);
    }
    const auto contents = journal::replay(queueFolder.get(), 0, [this](const journal::Batch& batch) {
      each(batch);
      return true;
    });
    if (!contents) return fmt::print(stderr, "{}\n", contents.error().detail), EX_IOERR;
    fmt::print("{} of {} messages written to {}\n", written_, queue_.messages().size(), folder_);
    return unreadable_ > 0 || written_ < queue_.messages().size() ? EX_DATAERR : EX_OK;
  }

 private:
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
    const bool isNew = !std::filesystem::exists(folder_ + "/" + name);
    const Result<void> done = deliver::writeInto(folder_, name, {spool::envelopeFields(record, pending), content});
    if (!done) {
      fmt::print(stderr, "{}\n", done.error().detail);
      return;
    }
    if (isNew) ++written_;
  }

  void writeLarge(const Message& message) {
    std::ifstream file(queueDir_ + "/large/" + message.id.text(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open()) {
      fmt::print(stderr, "{}: its content is not in large/\n", message.id.text());
      return;
    }
    write(message, content);
  }

  std::string queueDir_;
  std::string folder_;
  spool::Queue queue_;
  std::size_t written_ = 0;
  std::size_t unreadable_ = 0;
};

}  // namespace

int salvage(const config::Config& config, const std::string& folder) {
  if (folder.empty()) return fmt::print(stderr, "ostler queue salvage --to FOLDER\n"), EX_USAGE;
  return Salvage(config.queueDir(), folder).run();
}

}  // namespace ostler::tools
