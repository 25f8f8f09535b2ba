// spool_fixture.h - a spool for tests: the role on a loop of the test's, memory mailboxes, an auth and an out that say what the
// test wants.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include "libmailcore/directory/names.h"
#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/lookup.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/program.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/store/failing_store.h"
#include "libmailcore/store/memory_store.h"
#include "libmailcore/journal/replay.h"
#include "queued/auth/long_answers.h"
#include "queued/spool/large_files.h"
#include "queued/spool/records.h"
#include "queued/spool/role.h"
#include "queued/spool/schedule_index.h"

namespace ostler::spool {

inline constexpr const char* kText = "From: a@b.test\r\nSubject: x\r\n\r\nhello\r\n";

/// Users alice, bob and carol, who reads postmaster, at example.test; "team" is alice and bob@remote.test; everything else is elsewhere.
class SpoolFixture {
 public:
  struct Sent {
    ipc::Deliver request;
    std::string content;
  };

  SpoolFixture() : store_(std::make_unique<store::FailingStore>(store::makeMemoryStore(loop_), faults)), scope_(loop_) {
    char pattern[] = "/tmp/ostler-spool-XXXXXX";
    root_ = ::mkdtemp(pattern);
    auto made = std::make_shared<config::Config>();
    made->hostName = "mail.example.test";
    made->dataDir = root_ + "/data";
    made->runDir = root_ + "/run";
    made->queue.segmentSize = ByteCount{2U << 20};
    made->virtualServers.emplace_back();
    config = std::move(made);
    REQUIRE(Role::makeFolders(*config));
    serveOut();
  }
  ~SpoolFixture() {
    scope_.cancelAll();
    role_.reset();
    client_.reset();
    std::filesystem::remove_all(root_);
  }

  void start() {
    serveAuth();
    auto role = Role::open(loop_, clock_, config, *store_, {});
    REQUIRE(role);
    role_ = std::move(*role);
    REQUIRE(role_->start());
    client_ = std::make_unique<ipc::Client>(loop_, config->socketPath("smtpd"));
    submit_ = std::make_unique<ipc::Client>(loop_, config->socketPath("submit"));
    control_ = std::make_unique<ipc::Client>(loop_, config->socketPath("control"));
  }
  /// In order: everything is written down.
  void drainAndStop() {
    loop_.runUntilDone(role_->drain(Deadline::after(std::chrono::seconds(5))));
    client_.reset();
    submit_.reset();
    control_.reset();
    role_.reset();
  }
  /// Why a spool does not open here; empty: it does.
  std::string refusalToStart() {
    const auto role = Role::open(loop_, clock_, config, *store_, {});
    return role ? std::string() : role.error().detail;
  }
  /// Role out is killed, and is not started again before startOut().
  void killOut() { out_.reset(); }
  void startOut() { serveOut(); }
  /// Outcomes in the journal; of a stopped spool.
  int outcomesWritten() const {
    const UniqueFd folder(::open(config->queueDir().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int count = 0;
    const auto each = [&count](const journal::Batch& batch) {
      for (const journal::Record& record : batch.records) count += record.type == static_cast<std::uint16_t>(RecordType::outcome) ? 1 : 0;
      return true;
    };
    REQUIRE(journal::replay(folder.get(), 0, each));
    return count;
  }
  /// As kill -9: nothing is drained.
  void stop() {
    client_.reset();
    submit_.reset();
    control_.reset();
    role_.reset();
  }
  void restart() {
    stop();
    start();
  }
  /// A draft with content and without commit, and its id.
  Id128 openDraft(const std::string& to, std::string content, ipc::SessionInfo session = stranger()) {
    ipc::OpenDraft open;
    open.draft = Id128::make(clock_.now());
    open.session = std::move(session);
    open.envelope.reversePath = "s@elsewhere.test";
    open.envelope.recipients.emplace_back().forwardPath = to;
    const Id128 draft = open.draft;
    const Deadline soon = Deadline::after(std::chrono::seconds(60));
    REQUIRE(loop_.runUntilDone(client_->call(std::move(open), soon)));
    for (std::size_t at = 0; at < content.size(); at += 65536) {
      ipc::DraftData data;
      data.draft = draft;
      data.octets = std::string_view(content).substr(at, 65536);
      REQUIRE(loop_.runUntilDone(client_->call(std::move(data), soon)));
    }
    return draft;
  }
  /// What a draft that was opened before becomes.
  ipc::SmtpReply commit(const Id128& draft, std::string content) {
    ipc::CommitDraft request;
    request.draft = draft;
    request.lastOctets = content;
    auto reply = loop_.runUntilDone(client_->call(std::move(request), Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    REQUIRE_FALSE(reply->replies.empty());
    return reply->replies.front();
  }
  /// A client that sends so many frames of a message and is gone after so many turns of the loop, whether they were answered or not.
  void abandonDraft(std::size_t frames, unsigned turns) {
    ipc::Client client(loop_, config->socketPath("smtpd"));
    ipc::OpenDraft open;
    open.draft = Id128::make(clock_.now());
    open.session = stranger();
    open.envelope.recipients.emplace_back().forwardPath = "alice@example.test";
    const Id128 draft = open.draft;
    REQUIRE(loop_.runUntilDone(client.call(std::move(open), Deadline::after(std::chrono::seconds(60)))));
    TaskScope calls(loop_);
    for (std::size_t at = 0; at < frames; ++at) calls.spawn(sendFrame(client, draft));
    while (turns-- > 0) loop_.runUntilDone(loop_.sleepUntil(Deadline::after(std::chrono::microseconds(100))));
  }
  static Task<void> sendFrame(ipc::Client& client, Id128 draft) {
    const std::string octets(65536, 'x');
    const auto answer = co_await client.call(ipc::DraftData{draft, octets}, Deadline::after(std::chrono::seconds(60)));
    (void)answer;
  }
  ipc::SessionInfo loggedIn() const {
    ipc::SessionInfo session = stranger();
    session.service = "submission";
    session.token = "alice-token";
    return session;
  }
  static ipc::SessionInfo stranger() {
    ipc::SessionInfo session;
    session.service = "smtp";
    session.virtualServer = "default";
    session.client = "192.0.2.7:4242";
    return session;
  }
  Result<ipc::CommitReply> send(const std::string& from, const std::vector<std::string>& to, const std::string& content,
                                ipc::SessionInfo session = stranger(), std::function<void(ipc::Envelope&)> change = {}) {
    ipc::OpenDraft open;
    open.draft = Id128::make(clock_.now());
    open.session = std::move(session);
    open.envelope.reversePath = from;
    for (const std::string& path : to) open.envelope.recipients.emplace_back().forwardPath = path;
    if (change) change(open.envelope);
    return loop_.runUntilDone(sendAll(*client_, std::move(open), content));
  }
  /// A message to each, all on their way at the same time.
  void sendToEach(const std::string& from, const std::vector<std::string>& to, const std::string& content, const ipc::SessionInfo& session) {
    TaskScope sending(loop_);
    int taken = 0;
    for (const std::string& path : to) {
      ipc::OpenDraft open;
      open.draft = Id128::make(clock_.now());
      open.session = session;
      open.envelope.reversePath = from;
      open.envelope.recipients.emplace_back().forwardPath = path;
      sending.spawn(countTaken(*client_, std::move(open), content, taken));
    }
    REQUIRE(loop_.runUntilDone(sending.whenIdle(Deadline::after(std::chrono::seconds(60)))));
    REQUIRE(taken == static_cast<int>(to.size()));
  }
  static Task<void> countTaken(ipc::Client& client, ipc::OpenDraft open, std::string content, int& taken) {
    const Result<ipc::CommitReply> reply = co_await sendAll(client, std::move(open), std::move(content));
    taken += reply && !reply->queueId.empty() ? 1 : 0;
  }
  static Task<Result<ipc::CommitReply>> sendAll(ipc::Client& client, ipc::OpenDraft open, std::string content) {
    const Deadline soon = Deadline::after(std::chrono::seconds(60));
    const Id128 draft = open.draft;
    const auto opened = co_await client.call(std::move(open), soon);
    if (!opened) co_return fail(opened.error());
    if (opened->code != 250) co_return ipc::CommitReply{"", {*opened}};
    std::size_t at = 0;
    for (; content.size() - at > 65536; at += 65536) {
      ipc::DraftData data;
      data.draft = draft;
      data.octets = std::string_view(content).substr(at, 65536);
      const auto taken = co_await client.call(std::move(data), soon);
      if (!taken) co_return fail(taken.error());
    }
    ipc::CommitDraft commit;
    commit.draft = draft;
    commit.lastOctets = content.substr(at);
    co_return co_await client.call(std::move(commit), soon);
  }
  ipc::ControlReply ask(std::vector<std::string> words) {
    ipc::ControlRequest request;
    request.words = std::move(words);
    auto reply = loop_.runUntilDone(control_->call(std::move(request), Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    return *reply;
  }
  bool shows(std::vector<std::string> words, std::string_view text) { return ask(std::move(words)).output.find(text) != std::string::npos; }
  /// Of the one message that waits.
  std::string onlyId() {
    const std::string list = ask({"queue", "list", "--json"}).output;
    const std::size_t at = list.find("\"id\":\"");
    REQUIRE(at != std::string::npos);
    return list.substr(at + 6, 26);
  }
  bool isEmpty() { return shows({"queue", "list"}, "The queue is empty"); }
  /// From alice, who is logged in.
  Result<ipc::CommitReply> submit(const std::vector<std::string>& to) { return send("alice@example.test", to, kText, loggedIn()); }
  /// Page by page, as a tool does.
  std::string askAll(std::vector<std::string> words) {
    ipc::ControlRequest request;
    request.words = std::move(words);
    std::string output;
    do {
      const auto reply = loop_.runUntilDone(control_->call(request, Deadline::after(std::chrono::seconds(30))));
      REQUIRE(reply);
      CHECK(reply->exitCode == 0);
      output += reply->output;
      request.cursor = reply->next;
    } while (!request.cursor.empty());
    return output;
  }
  ipc::SmtpReply rcpt(const std::string& to, ipc::SessionInfo session = stranger()) {
    ipc::CheckRecipient request;
    request.session = std::move(session);
    request.forwardPath = to;
    auto reply = loop_.runUntilDone(client_->call(std::move(request), Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    return *reply;
  }
  template <class Request>
  ipc::SmtpReply askAs(Request request, ipc::SessionInfo session = stranger()) {
    request.session = std::move(session);
    auto reply = loop_.runUntilDone(client_->call(std::move(request), Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    return *reply;
  }
  /// ATRN by alice; what is sent then goes to a socket that nobody listens to.
  ipc::SmtpReply turn(std::vector<std::string> domains) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd ours(ends[0]);
    std::vector<UniqueFd> theirs;
    theirs.emplace_back(ends[1]);
    ipc::TurnAround request;
    request.session = loggedIn();
    request.domains = std::move(domains);
    auto reply = loop_.runUntilDone(client_->callWithDescriptors(std::move(request), std::move(theirs), Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    return reply->message;
  }
  void change(const std::function<void(config::Config&)>& with) {
    auto changed = std::make_shared<config::Config>(*config);
    with(*changed);
    config = std::move(changed);
  }
  /// As SIGHUP after change().
  void reload() { role_->use(config); }
  /// Opens a draft as a local user's program does, and leaves it.
  Result<ipc::SmtpReply> openLocalDraft() {
    ipc::OpenDraft open;
    open.draft = Id128::make(clock_.now());
    open.envelope.recipients.emplace_back().forwardPath = "alice@example.test";
    return loop_.runUntilDone(submit_->call(std::move(open), Deadline::after(std::chrono::seconds(60))));
  }
  std::string outcomeOf(const Id128& draft) {
    ipc::DraftOutcome request;
    request.draft = draft;
    auto reply = loop_.runUntilDone(client_->call(request, Deadline::after(std::chrono::seconds(60))));
    REQUIRE(reply);
    return reply->queueId;
  }
  void drop(const std::string& name, const std::string& octets) const {
    std::ofstream(config->pickupDir() + "/" + name, std::ios::binary) << octets;
  }
  std::vector<std::string> mailboxOf(const std::string& user) { return loop_.runUntilDone(readInbox(*store_, accounts.at(user).id)); }
  bool waitFor(const std::function<bool()>& condition, std::chrono::seconds most = std::chrono::seconds(60)) {
    const Deadline deadline = Deadline::after(most);
    while (!condition()) {
      if (deadline.passed()) return false;
      loop_.runUntilDone(loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(5))));
    }
    return true;
  }
  /// The spool looks at a clock that was set every few seconds by itself, and at a reload at once.
  void skip(std::chrono::seconds time) {
    clock_.skipped += time;
    if (role_) role_->use(config);
  }
  /// The wall clock alone says another time than it is.
  void setClockAhead(std::chrono::seconds by) {
    clock_.ahead = by;
    if (role_) role_->use(config);
  }
  /// Time goes on until a start would not replay this segment of the log any more.
  bool replayStartsBehind(std::uint64_t segment) {
    const std::string copy = root_ + "/index-copy";
    return waitFor([&] {
      skip(std::chrono::seconds(1));
      std::filesystem::remove_all(copy);
      std::filesystem::copy(config->queueDir() + "/index", copy);
      Queue queue;
      const auto index = ScheduleIndex::open(copy, queue, {});
      return index && index->replayFrom > segment;
    });
  }
  WallTime now() const { return clock_.now(); }
  ipc::Client& smtpd() { return *client_; }
  Loop& loop() { return loop_; }
  const std::string& root() const { return root_; }

  std::shared_ptr<const config::Config> config;
  std::map<std::string, ipc::Account> accounts = {{"alice", account("alice")}, {"bob", account("bob")}, {"carol", account("carol")}};
  std::vector<Sent> sent;
  ipc::RecipientOutcome::State outState = ipc::RecipientOutcome::State::delivered;
  ipc::SmtpReply outReply{250, "2.0.0", "ok"};
  std::map<std::string, ipc::AskedRecipient> elsewhere;  ///< "KEY address" → what that server says; others do not answer
  std::function<void(const ipc::Recipient&, ipc::RecipientOutcome&)> says;  ///< of some recipients something else
  std::function<bool(const ipc::Deliver&)> hangs;  ///< role out never answers these
  bool waits = false;  ///< role out is at it until this is false
  int waiting = 0;     ///< how many came to it meanwhile
  std::function<bool(const ipc::Deliver&)> waitsStill;  ///< role out is at these until this says no more
  std::function<bool(const ipc::Deliver&)> kills;  ///< role out dies of these, and is started again
  int killed = 0;
  bool outDrains = false;  ///< role out is shutting down: it takes nothing more
  int refused = 0;         ///< what was handed to it meanwhile
  std::string transcript;  ///< what role out says was said
  std::function<bool(const std::string& address)> holdsBack;  ///< auth does not answer about these, until this says no more
  int resolved = 0;                                           ///< addresses that auth was asked for
  std::function<std::string(const std::string& user)> leadsTo;  ///< whose mailbox it is that has this name
  std::map<std::string, std::vector<std::string>> crews;     ///< aliases of example.test that lead to these users' mailboxes
  std::map<std::string, std::vector<std::string>> forwards;  ///< aliases of example.test that lead elsewhere alone
  std::vector<ipc::RunProgram> programs;  ///< those that role programs was to run
  std::string programContent;             ///< what the last one was given
  ipc::SmtpReply programReply{250, "2.0.0", "ok"};
  int asked = 0;
  std::shared_ptr<store::Faults> faults = std::make_shared<store::Faults>();  ///< what the mailboxes refuse
  std::string outHost = "mx.remote.test [192.0.2.25]:25";
  bool outKeepsDeadlines = true;
  ipc::LookedUp lookedUp;      ///< what the DNS says of everything
  bool outSaysItself = false;  ///< its outcome is its own verdict, no server's

 private:
  static ipc::Account account(const std::string& user) {
    ipc::Account account;
    account.id = Id128::make(std::chrono::system_clock::now());
    account.address = user + "@example.test";
    return account;
  }
  class Reader final : public store::Visitor {
   public:
    void begin(const store::MailboxInfo&) override { messages.clear(); }
    bool row(const store::MessageRow& row) override {
      std::string octets(row.content->size(), '\0');
      if (!octets.empty()) (void)row.content->read(0, octets);
      messages.push_back(std::move(octets));
      return true;
    }
    std::vector<std::string> messages;
  };
  static Task<std::vector<std::string>> readInbox(store::Store& store, Id128 id) {
    auto account = co_await store.open(id, UniqueFd(), {});
    REQUIRE(account);
    const auto inbox = co_await (*account)->mailbox(std::string("INBOX"));
    auto reader = std::make_shared<Reader>();
    store::Columns columns;
    columns.content = true;
    const auto all = co_await (*account)->uids(inbox->id);
    store::UidSet uids;
    for (const std::uint32_t uid : *all->uids) uids.add(store::Uid{uid});
    const auto visited = co_await (*account)->visit(inbox->id, uids, columns, reader);
    REQUIRE(visited);
    co_return reader->messages;
  }
  ipc::Resolution resolve(const std::string& address) const {
    ipc::Resolution resolution;
    const std::size_t at = address.find('@');
    const std::string user = leadsTo ? leadsTo(address.substr(0, at)) : address.substr(0, at);
    const bool isAlias = at != std::string::npos && address.substr(at) == "@alias.test";
    if (at != std::string::npos && address.substr(at) != "@example.test" && !isAlias) return resolution;
    resolution.kind = ipc::Resolution::Kind::local;
    resolution.domain = "example.test";
    if (const auto forwarded = forwards.find(user); forwarded != forwards.end()) {
      resolution.remote = forwarded->second;
    } else if (const auto crew = crews.find(user); crew != crews.end()) {
      for (const std::string& member : crew->second) resolution.accounts.push_back(accounts.at(member));
    } else if (user == "team") {
      resolution.accounts.push_back(accounts.at("alice"));
      resolution.remote.emplace_back("bob@remote.test");
    } else if (user == "postmaster") {
      resolution.accounts.push_back(accounts.at("carol"));
    } else if (user == "robot") {
      resolution.pipes.emplace_back("|/bin/robot --mail");
    } else if (const auto found = accounts.find(user); found != accounts.end()) {
      resolution.accounts.push_back(found->second);
    } else {
      resolution.kind = ipc::Resolution::Kind::unknownUser;
    }
    return resolution;
  }
  void serveAuth() {
    if (auth_) return;
    auth_ = std::make_unique<ipc::Server>(loop_);
    auth_->on<ipc::Resolve>([this](std::shared_ptr<ipc::ServerConnection>, ipc::Resolve request, const std::vector<UniqueFd>&) {
      return answerResolve(std::move(request));
    });
    auth_->on<ipc::ResolvePiece>([this](std::shared_ptr<ipc::ServerConnection>, const ipc::ResolvePiece& request, const std::vector<UniqueFd>&) {
      return answerPiece(request);
    });
    auth_->on<ipc::WhoIs>([this](std::shared_ptr<ipc::ServerConnection>, ipc::WhoIs request, const std::vector<UniqueFd>&) {
      ipc::Identity identity;
      identity.known = request.token == "alice-token";
      if (identity.known) identity.account = accounts.at("alice");
      return answerIdentity(std::move(identity));
    });
    REQUIRE(auth_->listen(config->socketPath("auth"), 0600));
  }
  Task<Result<ipc::Resolution>> answerResolve(ipc::Resolve request) {
    ++resolved;
    while (holdsBack && holdsBack(request.address)) co_await loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(20)));
    const auto parsed = directory::parseAddress(request.address);
    if (!parsed) co_return fail(parsed.error());
    ipc::Resolution resolution = resolve(request.address);
    std::string encoded = ipc::encode(resolution);
    if (encoded.size() < queued::auth::LongAnswers::kPiece) co_return resolution;
    co_return longAnswers_.keep(0, std::move(encoded));
  }
  Task<Result<ipc::ResolutionPiece>> answerPiece(ipc::ResolvePiece request) { co_return longAnswers_.piece(0, request); }
  static Task<Result<ipc::Identity>> answerIdentity(ipc::Identity identity) { co_return identity; }
  void serveOut() {
    programs_.reset();
    out_ = std::make_unique<ipc::Server>(loop_);
    out_->on<ipc::Deliver>([this](std::shared_ptr<ipc::ServerConnection>, ipc::Deliver request, std::vector<UniqueFd> descriptors) {
      return deliver(std::move(request), std::move(descriptors));
    });
    out_->on<ipc::IsSendingReady>([this](std::shared_ptr<ipc::ServerConnection>, ipc::IsSendingReady, const std::vector<UniqueFd>&) {
      return answerReady();
    });
    out_->on<ipc::AskRecipient>([this](std::shared_ptr<ipc::ServerConnection>, ipc::AskRecipient request, const std::vector<UniqueFd>&) {
      return answerAsked(std::move(request));
    });
    out_->on<ipc::LookUp>([this](std::shared_ptr<ipc::ServerConnection>, const ipc::LookUp&, const std::vector<UniqueFd>&) { return answerLookUp(); });
    REQUIRE(out_->listen(config->socketPath("out"), 0600));
    programs_ = std::make_unique<ipc::Server>(loop_);
    programs_->on<ipc::RunProgram>([this](std::shared_ptr<ipc::ServerConnection>, ipc::RunProgram request, std::vector<UniqueFd> descriptors) {
      return runProgram(std::move(request), std::move(descriptors));
    });
    REQUIRE(programs_->listen(config->socketPath("programs"), 0600));
  }
  Task<Result<ipc::ProgramOutcome>> runProgram(ipc::RunProgram request, std::vector<UniqueFd> descriptors) {
    programContent = request.head + readRange(descriptors.at(0).get(), request.offset, request.length).value_or("unreadable");
    programs.push_back(std::move(request));
    ipc::ProgramOutcome outcome;
    outcome.reply = programReply;
    co_return outcome;
  }
  Task<Result<ipc::AskedRecipient>> answerAsked(ipc::AskRecipient request) {
    ++asked;
    const auto known = elsewhere.find(request.nextHop.key() + " " + request.forwardPath);
    if (known != elsewhere.end()) co_return known->second;
    co_return ipc::AskedRecipient{{451, "4.4.1", "connection refused"}, "", false};
  }
  Task<Result<ipc::LookedUp>> answerLookUp() { co_return lookedUp; }
  Task<Result<ipc::SendingReady>> answerReady() {
    if (outDrains) co_return fail(Error::Kind::temporary, "shutting down");
    co_return ipc::SendingReady{};
  }
  Task<Result<ipc::DeliverOutcome>> deliver(ipc::Deliver request, std::vector<UniqueFd> descriptors) {
    if (outDrains) ++refused;
    if (outDrains) co_return fail(Error::Kind::temporary, "shutting down");
    if (kills && kills(request)) {
      ++killed;
      loop_.post([this] {
        out_.reset();
        serveOut();
      });
      co_await loop_.sleepUntil(Deadline::never());
    }
    if (hangs && hangs(request)) co_await loop_.sleepUntil(Deadline::never());
    if (waits) ++waiting;
    while (waits || (waitsStill && waitsStill(request))) co_await loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(5)));
    Result<std::string> content = request.prefix;
    if (request.length > 0) content = readRange(descriptors.at(0).get(), request.offset, request.length);
    ipc::DeliverOutcome outcome;
    for (std::size_t at = 0; at < request.envelope.recipients.size(); ++at) {
      ipc::RecipientOutcome one;
      one.state = outState;
      one.reply = outReply;
      one.isOurWord = outSaysItself;
      one.remoteHost = outHost;
      one.byPassedOn = outKeepsDeadlines;
      if (says) says(request.envelope.recipients[at], one);
      outcome.recipients.push_back(std::move(one));
    }
    outcome.transcript = transcript;
    sent.push_back({std::move(request), content.value_or("unreadable")});
    co_return outcome;
  }

  queued::auth::LongAnswers longAnswers_;
  Loop loop_;
  /// The machine's time, moved on by what a test skipped.
  struct SkippingClock final : Clock {
    WallTime now() const override { return std::chrono::system_clock::now() + skipped + ahead; }
    SteadyTime steady() const override { return std::chrono::steady_clock::now() + skipped; }
    std::chrono::seconds skipped{0};
    std::chrono::seconds ahead{0};
  } clock_;
  std::string root_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ipc::Server> auth_;
  std::unique_ptr<ipc::Server> out_;
  std::unique_ptr<ipc::Server> programs_;
  std::unique_ptr<Role> role_;
  std::unique_ptr<ipc::Client> client_, submit_, control_;
  TaskScope scope_;
};

}  // namespace ostler::spool
