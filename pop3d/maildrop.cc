#include "pop3d/maildrop.h"

#include <algorithm>
#include <utility>

namespace ostler::pop3 {
namespace {

/// How many contents are looked up at once; twice as many are held. A content is a handle of the store, not the octets.
constexpr std::size_t kFetchAhead = 128;

using Message = Maildrop::Message;

class MessageVisitor final : public store::Visitor {
 public:
  void begin(const store::MailboxInfo& mailbox) override {
    messages.clear();
    messages.reserve(mailbox.messages);
  }
  bool row(const store::MessageRow& row) override {
    messages.push_back({row.uid, false, row.traits.needsDotStuffing, row.size});
    return true;
  }
  std::vector<Message> messages;
};

class UniqueIdVisitor final : public store::Visitor {
 public:
  void begin(const store::MailboxInfo& mailbox) override {
    ids.clear();
    uids.clear();
    ends.clear();
    ids.reserve(mailbox.messages * kUsualLength);
    uids.reserve(mailbox.messages);
    ends.reserve(mailbox.messages);
  }
  bool row(const store::MessageRow& row) override {
    ids += row.uidl;
    uids.push_back(row.uid);
    ends.push_back(static_cast<std::uint32_t>(ids.size()));
    return true;
  }
  static constexpr std::size_t kUsualLength = 26;  // of an email id
  std::string ids;
  std::vector<store::Uid> uids;
  std::vector<std::uint32_t> ends;
};

class ContentVisitor final : public store::Visitor {
 public:
  void begin(const store::MailboxInfo&) override { rows.clear(); }
  bool row(const store::MessageRow& row) override {
    rows.emplace_back(row.uid, row.content);
    return true;
  }
  std::vector<std::pair<store::Uid, std::shared_ptr<const store::ContentSource>>> rows;
};

}  // namespace

Task<Result<std::unique_ptr<Maildrop>>> Maildrop::open(Loop& loop, std::shared_ptr<store::Account> account) {
  std::unique_ptr<Maildrop> drop(new Maildrop(loop, std::move(account)));
  Result<std::unique_ptr<store::MaildropLock>> lock = co_await drop->account_->lockMaildrop();
  if (!lock) co_return fail(lock.error());
  drop->lock_ = std::move(*lock);
  const Result<store::MailboxInfo> inbox = co_await drop->account_->mailbox(std::string("INBOX"));
  if (!inbox) co_return fail(inbox.error());
  drop->inbox_ = inbox->id;
  store::Columns columns;
  columns.dates = true;
  const auto visitor = std::make_shared<MessageVisitor>();
  const Result<void> visited = co_await drop->account_->visit(inbox->id, store::UidSet::all(), columns, visitor);
  if (!visited) co_return fail(visited.error());
  drop->messages_ = std::move(visitor->messages);
  drop->unmarkAll();
  co_return std::move(drop);
}

void Maildrop::mark(std::size_t number) {
  Message& message = messages_[number - 1];
  message.deleted = true;
  --remaining_;
  remainingOctets_ -= message.size;
}

void Maildrop::unmarkAll() {
  remaining_ = messages_.size();
  remainingOctets_ = 0;
  for (Message& message : messages_) {
    message.deleted = false;
    remainingOctets_ += message.size;
  }
}

Task<Result<std::uint64_t>> Maildrop::update() {
  store::UidSet marked;
  for (const Message& message : messages_) {
    if (message.deleted) marked.add(message.uid);
  }
  std::uint64_t gone = 0;
  if (!marked.empty()) {
    const Result<store::UidSet> expunged =
        co_await account_->expunge(inbox_, marked, store::Account::Expunge::regardless);
    if (!expunged) {
      lock_.reset();
      co_return fail(expunged.error());
    }
    gone = expunged->count();
  }
  // Before QUIT is answered: a client may log in again at once.
  lock_.reset();
  co_return gone;
}

const Maildrop::Fetched* Maildrop::find(const Window& window, store::Uid uid) {
  const auto isBefore = [](const Fetched& one, store::Uid wanted) { return one.uid < wanted; };
  const auto found = std::lower_bound(window.begin(), window.end(), uid, isBefore);
  return found != window.end() && found->uid == uid && found->source ? &*found : nullptr;
}

// The contents of the next messages from a number on.
Task<Result<Maildrop::Window>> Maildrop::fetch(std::size_t from) {
  store::UidSet wanted;
  std::size_t left = kFetchAhead;
  for (std::size_t at = from; at <= count() && left > 0; ++at) {
    if (message(at).deleted) continue;
    wanted.add(message(at).uid);
    --left;
  }
  store::Columns columns;
  columns.content = true;
  const auto visitor = std::make_shared<ContentVisitor>();
  const Result<void> visited = co_await account_->visit(inbox_, wanted, columns, visitor);
  if (!visited) co_return fail(visited.error());
  Window window;
  window.reserve(visitor->rows.size());
  for (auto& [uid, source] : visitor->rows) window.push_back({uid, std::move(source)});
  co_return window;
}

// A failure is not told here: whoever needs the message asks again and hears of it.
Task<void> Maildrop::fetchAhead(Maildrop& drop, std::size_t from) {
  Result<Window> window = co_await drop.fetch(from);
  if (window) drop.next_ = std::move(*window);
  drop.fetching_ = false;
  drop.arrived_.set();
}

// From the middle of a window on the next one is fetched: the client seems to read on.
void Maildrop::lookAhead(std::size_t number) {
  if (fetching_ || !next_.empty() || fetched_.size() < kFetchAhead) return;
  if (message(number).uid < fetched_[fetched_.size() / 2].uid) return;
  const auto isAfter = [](store::Uid last, const Message& message) { return last < message.uid; };
  const auto next = std::upper_bound(messages_.begin(), messages_.end(), fetched_.back().uid, isAfter);
  if (next == messages_.end()) return;
  fetching_ = true;
  ahead_.spawn(fetchAhead(*this, static_cast<std::size_t>(next - messages_.begin()) + 1));
}

Task<Result<std::shared_ptr<const store::ContentSource>>> Maildrop::content(std::size_t number) {
  const store::Uid uid = message(number).uid;
  if (!find(fetched_, uid)) {
    while (fetching_) {
      const Result<void> woken = co_await arrived_.wait(Deadline::never());
      if (!woken) co_return fail(woken.error());
    }
    fetched_ = std::exchange(next_, {});
  }
  if (!find(fetched_, uid)) {
    Result<Window> window = co_await fetch(number);
    if (!window) co_return fail(window.error());
    fetched_ = std::move(*window);
  }
  const Fetched* const found = find(fetched_, uid);
  if (!found) co_return fail(Error::Kind::notFound, "removed by another session");
  std::shared_ptr<const store::ContentSource> source = found->source;
  lookAhead(number);
  co_return source;
}

store::UidSet Maildrop::allUids() const {
  store::UidSet all;
  for (const Message& message : messages_) all.add(message.uid);
  return all;
}

Task<Result<void>> Maildrop::loadUniqueIds() {
  if (!uniqueIdEnds_.empty() || messages_.empty()) co_return Result<void>();
  store::Columns columns;
  columns.uidl = true;
  const auto visitor = std::make_shared<UniqueIdVisitor>();
  const Result<void> visited = co_await account_->visit(inbox_, allUids(), columns, visitor);
  if (!visited) co_return fail(visited.error());
  // Messages that went meanwhile have no row: theirs is empty.
  std::size_t row = 0;
  std::uint32_t end = 0;
  uniqueIdEnds_.reserve(messages_.size());
  for (const Message& message : messages_) {
    if (row < visitor->uids.size() && visitor->uids[row] == message.uid) end = visitor->ends[row++];
    uniqueIdEnds_.push_back(end);
  }
  uniqueIds_ = std::move(visitor->ids);
  co_return Result<void>();
}

std::string_view Maildrop::uniqueId(std::size_t number) const {
  const std::uint32_t from = number == 1 ? 0 : uniqueIdEnds_[number - 2];
  return std::string_view(uniqueIds_).substr(from, uniqueIdEnds_[number - 1] - from);
}

}  // namespace ostler::pop3
