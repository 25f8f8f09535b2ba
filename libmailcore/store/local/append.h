// append.h - messages on their way into an account: APPEND and local delivery.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/store/local/account.h"

namespace ostler::store::local {

inline constexpr std::uint64_t kLargeMessage = 1 << 20;  ///< more octets lie in a file of their own, beside the segments

/// A large message's file before the account knows it. Unlinked when it goes, unless the account has it.
class DraftFile {
 public:
  DraftFile(const journal::Disk& disk, int logFolder, std::string name) : disk_(disk), folder_(logFolder), name_(std::move(name)) {}
  ~DraftFile();
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Gives it its final name; durable. Errors: temporary, limit.
  [[nodiscard]] Result<void> keepAs(const std::string& finalName);
  /// The account has it, or may have it: if it was kept it stays.
  void handOver() {
    if (kept_) name_.clear();
  }

 private:
  const journal::Disk& disk_;
  int folder_;
  std::string name_;
  bool kept_ = false;
};

class AppendOperation : public Operation {
 public:
  explicit AppendOperation(std::vector<NewMessage> messages);
  Result<void> prepare(AccountFolder& folder) override;
  [[nodiscard]] std::uint64_t contentSpan() const override { return span_; }
  Result<void> plan(Planner& planner) override;
  [[nodiscard]] const std::vector<Appended>& appended() const { return appended_; }
  void done(Result<void> outcome) override;

 private:
  struct Item {
    NewMessage message;
    std::string tail;  // what goes into the record: the message, or the prefix of a large one
    std::uint64_t fileOffset = 0;
    std::uint64_t fileLength = 0;
    std::uint32_t fileCrc = 0;
    std::unique_ptr<DraftFile> draft;
    std::shared_ptr<const PreparedColumns> columns;
    [[nodiscard]] std::uint64_t size() const { return tail.size() + fileLength; }
  };
  static Result<void> prepareSmall(Item& item);
  static Result<void> prepareLarge(Item& item, AccountFolder& folder);
  Result<void> check(Planner& planner) const;
  Result<Appended> appendOne(Planner& planner, Item& item, ModSeq modSeq);

  std::vector<Item> items_;
  std::uint64_t span_ = 0;
  std::vector<Appended> appended_;
};

}  // namespace ostler::store::local
