// Every store does the same: each test here runs on the memory store and on the one of this machine.
#include "libmailcore/store/store.h"

#include <set>

#include "libmailcore/store/summary.h"
#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

#define STORE_TEST(name) TEMPLATE_TEST_CASE_METHOD(Named, name, "[store]", MemoryFixture, LocalFixture)

template <class F>
struct Named : F {};

FlagNames seen() { return {Flags::kSeen, {}}; }
FlagNames deleted() { return {Flags::kDeleted, {}}; }
UidSet one(std::uint32_t uid) { return UidSet::of({Uid{uid}, Uid{uid}}); }

template <class F>
std::vector<std::string> names(F& f) {
  std::vector<std::string> out;
  for (const MailboxInfo& info : f.run(f.account->mailboxes())) out.push_back(info.name + (info.exists ? "" : " (no mailbox)"));
  return out;
}

STORE_TEST("a new account has INBOX and the mailboxes of RFC 6154, subscribed to") {
  const auto all = this->run(this->account->mailboxes());
  REQUIRE(all.size() == 6);
  std::set<std::string> found;
  std::set<std::uint32_t> validities;
  for (const MailboxInfo& info : all) {
    found.insert(info.name);
    validities.insert(info.uidValidity);
    CHECK(info.subscribed);
    CHECK(info.uidNext == 1);
    if (info.name == "Sent") CHECK(info.specialUse == SpecialUse::sent);
  }
  CHECK(found == std::set<std::string>{"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"});
  CHECK(validities.size() == 6);
}

STORE_TEST("an appended message comes back byte for byte with all its columns") {
  const std::string text = mail("Lunch");
  const Appended appended = this->append(text, {Flags::kSeen, {"$Work"}});
  CHECK(appended.uid == Uid{1});
  const auto rows = visit(*this, appended.mailbox);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].content == text);
  CHECK(rows[0].size == text.size());
  CHECK(rows[0].internalDate == 1'000'000'000);
  CHECK(rows[0].envelope.find("Lunch") != std::string::npos);
  CHECK(rows[0].bodyStructure.find("text") != std::string::npos);
  CHECK(rows[0].subject == "lunch");
  CHECK(rows[0].uidl == rows[0].emailId.text());
  const MailboxInfo inbox = this->inbox();
  CHECK(inbox.messages == 1);
  CHECK(inbox.unseen == 0);
  CHECK(inbox.octets == text.size());
  CHECK(inbox.keywords == std::vector<std::string>{"$Work"});
  CHECK(rows[0].flags.bits == (Flags::kSeen | 1U << Flags::kFirstKeyword));
}

STORE_TEST("a prefix stands in front of the content") {
  std::vector<NewMessage> messages;
  messages.push_back(Fixture::message(mail("x")));
  messages[0].prefix = "Return-Path: <>\r\n";
  const Appended appended = this->run(this->account->append(std::move(messages))).front();
  CHECK(visit(*this, appended.mailbox)[0].content == "Return-Path: <>\r\n" + mail("x"));
}

STORE_TEST("content comes from a file's range, small or large") {
  const std::size_t size = GENERATE(std::size_t{2000}, std::size_t{3'000'000});
  std::string body;
  while (body.size() < size) body += "line " + std::to_string(body.size()) + "\r\n";
  const std::string text = mail("from a file", "", body);
  const std::string path = this->scratch.path() + "/message";
  {
    const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::string whole = "skipped" + text + "behind";
    REQUIRE(::write(out.get(), whole.data(), whole.size()) == static_cast<ssize_t>(whole.size()));
  }
  std::vector<NewMessage> messages;
  messages.push_back(Fixture::message(""));
  messages[0].file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  messages[0].fileOffset = 7;
  messages[0].fileLength = text.size();
  messages[0].prefix = "Delivered-To: a@example.test\r\n";
  const Appended appended = this->run(this->account->append(std::move(messages))).front();
  ::unlink(path.c_str());
  const auto rows = visit(*this, appended.mailbox);
  CHECK((rows[0].content == "Delivered-To: a@example.test\r\n" + text));
  CHECK(rows[0].envelope.find("from a file") != std::string::npos);
}

STORE_TEST("a message above the size of a segment comes back whole") {
  std::string body;
  while (body.size() < 2'500'000) body += "0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
  const Appended appended = this->append(mail("large", "", body));
  this->append(mail("small"));
  const auto rows = visit(*this, appended.mailbox);
  REQUIRE(rows.size() == 2);
  CHECK((rows[0].content == mail("large", "", body)));
  CHECK(this->run(this->account->expunge(appended.mailbox, one(1), Account::Expunge::regardless)) == one(1));
  CHECK(visit(*this, appended.mailbox).size() == 1);
}

STORE_TEST("a delivery id that was seen is not stored again") {
  const auto deliver = [this] {
    std::vector<NewMessage> messages;
    messages.push_back(Fixture::message(mail("once")));
    messages[0].deliveryId = "spool/1/alice/INBOX";
    return this->run(this->account->append(std::move(messages))).front();
  };
  const Appended first = deliver();
  const Appended again = deliver();
  CHECK_FALSE(first.duplicate);
  CHECK(again.duplicate);
  CHECK(again.uid == first.uid);
  CHECK(this->inbox().messages == 1);
}

STORE_TEST("delivery by name makes a missing mailbox with its parents; by id it is refused") {
  this->append(mail("x"), {}, "lists/a/b");
  CHECK(this->run(this->account->mailbox(std::string("lists/a"))).messages == 0);
  CHECK(this->run(this->account->mailbox(std::string("lists/a/b"))).messages == 1);
  std::vector<NewMessage> messages;
  messages.push_back(Fixture::message(mail("x")));
  messages[0].mailbox = freshId();
  CHECK(this->errorOf(this->account->append(std::move(messages))) == Error::Kind::notFound);
}

STORE_TEST("several messages are stored all or none") {
  std::vector<NewMessage> messages;
  messages.push_back(Fixture::message(mail("good")));
  messages.push_back(Fixture::message(mail("bad")));
  messages[1].flags.keywords = {"not an atom"};
  CHECK(this->errorOf(this->account->append(std::move(messages))) == Error::Kind::syntax);
  CHECK(this->inbox().messages == 0);
}

STORE_TEST("replies of a message join its thread") {
  this->append(mail("a", "Message-ID: <1@x>\r\n"));
  this->append(mail("Re: a", "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nReferences: <1@x>\r\n"));
  this->append(mail("other", "Message-ID: <3@x>\r\n"));
  const auto rows = visit(*this, this->inbox().id);
  CHECK(rows[0].threadId == rows[0].emailId);
  CHECK(rows[1].threadId == rows[0].emailId);
  CHECK(rows[2].threadId == rows[2].emailId);
}

STORE_TEST("flags are added, removed and replaced, and the counters follow") {
  for (int i = 0; i < 300; ++i) this->append(mail("m" + std::to_string(i)));
  const MailboxId id = this->inbox().id;
  const FlagsChanged added = this->run(this->account->changeFlags(id, range(1, 200), {FlagsOperation::Kind::add, seen(), {}}));
  CHECK(added.changed == range(1, 200));
  CHECK(added.mailbox.unseen == 100);
  CHECK(added.mailbox.highestModSeq == added.modSeq);
  const FlagsChanged again = this->run(this->account->changeFlags(id, range(1, 250), {FlagsOperation::Kind::add, seen(), {}}));
  CHECK(again.changed.text() == "201:250");
  CHECK(added.changed.text() == "1:200");
  const FlagsChanged nothing = this->run(this->account->changeFlags(id, range(1, 10), {FlagsOperation::Kind::add, seen(), {}}));
  CHECK(nothing.changed.empty());
  CHECK(nothing.modSeq == 0);
  this->run(this->account->changeFlags(id, range(1, 5), {FlagsOperation::Kind::replace, {Flags::kFlagged, {"later"}}, {}}));
  this->run(this->account->changeFlags(id, one(2), {FlagsOperation::Kind::remove, {Flags::kFlagged, {"LATER"}}, {}}));
  const auto rows = visit(*this, id, range(1, 6), {});
  CHECK(rows[0].flags.bits == (Flags::kFlagged | 1U << Flags::kFirstKeyword));
  CHECK(rows[1].flags.bits == 0);
  CHECK(rows[5].flags.bits == Flags::kSeen);
  CHECK(this->inbox().unseen == 55);
}

STORE_TEST("unchangedSince leaves alone what has changed, and names it") {
  this->append(mail("1"));
  this->append(mail("2"));
  const MailboxInfo before = this->inbox();
  this->run(this->account->changeFlags(before.id, one(2), {FlagsOperation::Kind::add, seen(), {}}));
  const FlagsChanged result =
      this->run(this->account->changeFlags(before.id, range(1, 2), {FlagsOperation::Kind::add, deleted(), before.highestModSeq}));
  CHECK(result.changed == one(1));
  CHECK(result.modified == one(2));
}

STORE_TEST("a copy keeps flags by name, dates and email id, and has UIDs of its own") {
  this->append(mail("1"), {Flags::kSeen, {"alpha", "beta"}});
  this->append(mail("2"), {0, {"beta"}});
  const MailboxId from = this->inbox().id;
  const MailboxId to = this->run(this->account->mailbox(std::string("Archive"))).id;
  this->append(mail("0"), {0, {"beta"}}, "Archive");
  const Copied copied = this->run(this->account->copy(from, UidSet::all(), to));
  CHECK(copied.from == range(1, 2));
  CHECK(copied.to == range(2, 3));
  CHECK(copied.expunged.empty());
  const MailboxInfo archive = this->run(this->account->mailbox(to));
  CHECK(archive.keywords == std::vector<std::string>{"beta", "alpha"});
  const auto source = visit(*this, from);
  const auto target = visit(*this, to);
  REQUIRE(target.size() == 3);
  CHECK(target[1].flags.bits == (Flags::kSeen | 3U << Flags::kFirstKeyword));
  CHECK(target[1].emailId == source[0].emailId);
  CHECK(target[1].content == source[0].content);
  CHECK(target[1].internalDate == source[0].internalDate);
}

STORE_TEST("a message lives as long as one copy of it does") {
  this->append(mail("1"));
  const MailboxId inbox = this->inbox().id;
  const MailboxId archive = this->run(this->account->mailbox(std::string("Archive"))).id;
  this->run(this->account->copy(inbox, one(1), archive));
  this->run(this->account->copy(inbox, one(1), inbox));
  this->run(this->account->expunge(inbox, UidSet::all(), Account::Expunge::regardless));
  CHECK(visit(*this, archive)[0].content == mail("1"));
  this->run(this->account->expunge(archive, UidSet::all(), Account::Expunge::regardless));
  CHECK(this->run(this->account->quota()).usedMessages == 0);
  CHECK(this->run(this->account->quota()).usedOctets == 0);
}

STORE_TEST("a move takes messages along and leaves a trace of their UIDs") {
  for (int i = 0; i < 260; ++i) this->append(mail("m" + std::to_string(i)));
  const MailboxInfo before = this->inbox();
  const MailboxId to = this->run(this->account->mailbox(std::string("Trash"))).id;
  const Copied moved = this->run(this->account->move(before.id, range(100, 250), to));
  CHECK(moved.from == range(100, 250));
  CHECK(moved.to == range(1, 151));
  CHECK(moved.expunged == moved.from);
  CHECK(this->inbox().messages == 109);
  CHECK(visit(*this, to)[150].content == mail("m249"));
  const Changes changes = this->run(this->account->changesSince(before.id, before.highestModSeq));
  CHECK(changes.vanished == range(100, 250));
  CHECK(changes.changed.empty());
}

STORE_TEST("EXPUNGE takes what has \\Deleted; a UID is never given again") {
  for (int i = 0; i < 5; ++i) this->append(mail("m"));
  const MailboxId id = this->inbox().id;
  this->run(this->account->changeFlags(id, range(2, 5), {FlagsOperation::Kind::add, deleted(), {}}));
  CHECK(this->inbox().deleted == 4);
  CHECK(this->run(this->account->expunge(id, range(1, 3), Account::Expunge::deletedOnly)) == range(2, 3));
  CHECK(this->run(this->account->expunge(id, UidSet::all(), Account::Expunge::deletedOnly)) == range(4, 5));
  CHECK(this->inbox().deleted == 0);
  CHECK(this->append(mail("next")).uid == Uid{6});
  CHECK(*this->run(this->account->uids(id)).uids == std::vector<std::uint32_t>{1, 6});
}

STORE_TEST("changes since a MODSEQ name what is new, other and gone") {
  for (int i = 0; i < 10; ++i) this->append(mail("m"));
  const MailboxInfo then = this->inbox();
  this->run(this->account->changeFlags(then.id, one(3), {FlagsOperation::Kind::add, seen(), {}}));
  this->run(this->account->expunge(then.id, range(5, 6), Account::Expunge::regardless));
  this->append(mail("new"));
  const Changes changes = this->run(this->account->changesSince(then.id, then.highestModSeq));
  CHECK(changes.complete);
  REQUIRE(changes.changed.size() == 2);
  CHECK(changes.changed[0].uid == Uid{3});
  CHECK(changes.changed[0].flags.bits == Flags::kSeen);
  CHECK(changes.changed[1].uid == Uid{11});
  CHECK(changes.vanished == range(5, 6));
  CHECK(this->run(this->account->changesSince(then.id, changes.mailbox.highestModSeq)).changed.empty());
  const Changes all = this->run(this->account->changesSince(then.id, 0));
  CHECK_FALSE(all.complete);
  CHECK(all.vanished == range(5, 6));
}

STORE_TEST("mailboxes are created with parents, deleted with children left, renamed with children") {
  this->run(this->account->createMailbox("a/b/c", SpecialUse::none));
  CHECK(this->errorOf(this->account->createMailbox("a/b", SpecialUse::none)) == Error::Kind::exists);
  this->append(mail("kept"), {}, "a/b/c");
  this->run(this->account->deleteMailbox("a/b"));
  CHECK(this->errorOf(this->account->mailbox(std::string("a/b"))) == Error::Kind::notFound);
  std::vector<std::string> all = names(*this);
  CHECK(std::count(all.begin(), all.end(), "a/b (no mailbox)") == 1);
  const MailboxInfo before = this->run(this->account->mailbox(std::string("a/b/c")));
  this->run(this->account->renameMailbox("a", "x/y"));
  all = names(*this);
  CHECK(std::count(all.begin(), all.end(), "x/y/b/c") == 1);
  CHECK(std::count(all.begin(), all.end(), "x") == 1);
  CHECK(std::count(all.begin(), all.end(), "a") == 0);
  const MailboxInfo after = this->run(this->account->mailbox(std::string("x/y/b/c")));
  CHECK(after.id == before.id);
  CHECK(after.uidValidity == before.uidValidity);
  CHECK(visit(*this, after.id)[0].content == mail("kept"));
  CHECK(this->errorOf(this->account->renameMailbox("x", "x/y/z")) == Error::Kind::denied);
  CHECK(this->errorOf(this->account->renameMailbox("x/y", "Sent")) == Error::Kind::exists);
  CHECK(this->errorOf(this->account->renameMailbox("none", "other")) == Error::Kind::notFound);
  CHECK(this->errorOf(this->account->deleteMailbox("inbox")) == Error::Kind::denied);
}

STORE_TEST("renaming INBOX moves its messages and leaves it empty") {
  this->append(mail("1"));
  this->run(this->account->renameMailbox("INBOX", "old"));
  CHECK(this->inbox().messages == 0);
  CHECK(this->run(this->account->mailbox(std::string("old"))).messages == 1);
}

STORE_TEST("a mailbox made again under an old name has a greater UIDVALIDITY") {
  const MailboxInfo first = this->run(this->account->createMailbox("again", SpecialUse::none));
  this->append(mail("1"), {}, "again");
  this->run(this->account->deleteMailbox("again"));
  const MailboxInfo second = this->run(this->account->createMailbox("again", SpecialUse::none));
  CHECK(second.uidValidity > first.uidValidity);
  CHECK(second.id != first.id);
  CHECK(visit(*this, second.id).empty());
  CHECK(this->errorOf(this->account->uids(first.id)) == Error::Kind::notFound);
}

STORE_TEST("a subscription outlives its mailbox") {
  this->run(this->account->createMailbox("news", SpecialUse::none));
  this->run(this->account->subscribe("news", true));
  this->run(this->account->deleteMailbox("news"));
  std::vector<std::string> all = names(*this);
  CHECK(std::count(all.begin(), all.end(), "news (no mailbox)") == 1);
  this->run(this->account->subscribe("news", false));
  all = names(*this);
  CHECK(std::count(all.begin(), all.end(), "news (no mailbox)") == 0);
}

STORE_TEST("names are refused or written in the one way") {
  CHECK(this->run(this->account->mailbox(std::string("inBox"))).name == "INBOX");
  for (const char* bad : {"", "/a", "a/", "a//b", "a\x01", "\xff"}) {
    CHECK(this->errorOf(this->account->createMailbox(bad, SpecialUse::none)) == Error::Kind::syntax);
  }
  const MailboxInfo made = this->run(this->account->createMailbox("Entwu\xCC\x88rfe", SpecialUse::none));
  CHECK(made.name == "Entw\xC3\xBCrfe");
}

STORE_TEST("above the quota nothing is stored") {
  this->append(mail("1"));
  this->account = this->open({.limitOctets = 2 * mail("1").size() + 10});
  this->append(mail("2"));
  std::vector<NewMessage> messages;
  messages.push_back(Fixture::message(mail("3")));
  CHECK(this->errorOf(this->account->append(std::move(messages))) == Error::Kind::limit);
  const MailboxId id = this->inbox().id;
  CHECK(this->errorOf(this->account->copy(id, UidSet::all(), id)) == Error::Kind::limit);
  CHECK(this->run(this->account->quota()).usedOctets == 2 * mail("1").size());
}

STORE_TEST("a watcher hears of a change soon") {
  Signal heard(this->loop);
  ModSeq modSeq = 0;
  const auto watch = this->account->watch([&](ChangeHint hint) {
    modSeq = std::max(modSeq, hint.modSeq);
    heard.set();
  });
  this->append(mail("1"));
  REQUIRE(this->loop.runUntilDone(heard.wait(Deadline::after(std::chrono::seconds(5)))));
  CHECK(modSeq == this->inbox().highestModSeq);
}

STORE_TEST("one session alone holds the maildrop") {
  auto lock = this->run(this->account->lockMaildrop());
  CHECK(this->errorOf(this->account->lockMaildrop()) == Error::Kind::exists);
  lock.reset();
  CHECK(this->run(this->account->lockMaildrop()));
}

STORE_TEST("a visitor stops when it has enough, and sees only what it asked for") {
  for (int i = 0; i < 300; ++i) this->append(mail("m" + std::to_string(i)));
  const auto collector = std::make_shared<Collector>();
  collector->most = 7;
  this->run(this->account->visit(this->inbox().id, UidSet::fromRanges({{Uid{5}, Uid{5}}, {Uid{140}, Uid{280}}}), {.dates = true}, collector));
  REQUIRE(collector->rows.size() == 7);
  CHECK(collector->rows[0].uid == 5);
  CHECK(collector->rows[1].uid == 140);
  CHECK(collector->rows[1].size == mail("m139").size());
  CHECK(collector->rows[1].envelope.empty());
  CHECK(collector->rows[1].content.empty());
}

STORE_TEST("visiting an empty mailbox, or UIDs that are not there, shows nothing") {
  CHECK(visit(*this, this->inbox().id).empty());
  this->append(mail("1"));
  CHECK(visit(*this, this->inbox().id, range(2, 100)).empty());
}

}  // namespace
}  // namespace ostler::store::test
