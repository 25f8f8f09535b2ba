// message.h - every message that processes of the suite say to each other: one struct each, with its type number.
// A request names its reply (`using Reply = ...`); a notice (`using Reply = void`) has none. Numbers are never used again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"

namespace ostler::ipc {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::uint32_t kMaxFrame = 1U << 20;  ///< octets of a body; checked before anything is allocated

struct Empty {
  static constexpr std::uint16_t kType = 1;
  using Reply = void;
  template <class V>
  void fields(V&) {}
};

/// The reply to any request that failed. The ipc client turns it into the call's Error.
struct Failure {
  static constexpr std::uint16_t kType = 2;
  using Reply = void;
  std::uint8_t kind = 0;  ///< Error::Kind
  std::string detail;
  template <class V>
  void fields(V& v) {
    v(kind, detail);
  }
};

// ---- who a session is: said by smtpd, pop3d, imapd ----------------------------------------------------------------------------

struct SessionInfo {
  Id128 session;             ///< in every log line of this session, in all daemons
  std::string service;       ///< "smtp" "submission" "lmtp" "pop3" "imap" "pickup"
  std::string virtualServer;
  std::string client;        ///< Endpoint text
  std::string local;         ///< Endpoint text
  std::string helo;
  std::string clientName;    ///< reverse DNS name if looked up
  std::string tls;           ///< "TLSv1.3 TLS_AES_256_GCM_SHA384", empty without
  std::string token;         ///< from LoginReply; empty: not authenticated
  std::vector<std::string> tlsNames;  ///< DNS names of the client's certificate, if it was verified
  template <class V>
  void fields(V& v) {
    v(session, service, virtualServer, client, local, helo, clientName, tls, token, tlsNames);
  }
};

// ---- login: smtpd, pop3d, imapd → auth ------------------------------------------------------------------------------------------

/// What the rest of the suite may know of an account.
struct Account {
  Id128 id;             ///< its folder: accounts/<id>
  std::string address;  ///< canonical "alice@example.test"
  std::uint64_t quotaOctets = 0;    ///< 0: unlimited
  std::uint64_t quotaMessages = 0;
  std::uint64_t messageSize = 0;
  template <class V>
  void fields(V& v) {
    v(id, address, quotaOctets, quotaMessages, messageSize);
  }
};

/// Comes with the account's folder (O_PATH) in LoginReply::succeeded for pop3 and imap; none for smtp.
struct LoginReply {
  static constexpr std::uint16_t kType = 101;
  using Reply = void;
  enum class State : std::uint8_t { challenge, succeeded, failed, unavailable };
  State state = State::failed;
  std::uint64_t conversation = 0;  ///< challenge: to be named in LoginContinue
  std::string data;                ///< challenge (raw octets, not base64), or the server's last message of SCRAM
  Account account;                 ///< succeeded; failed: `address` alone, whom the client named, for the log
  std::string token;               ///< succeeded: bound to the ipc connection it was given on; gone when that closes
  std::string reason;              ///< failed: for the log. "credentials" "locked-out" "disabled" ...
  template <class V>
  void fields(V& v) {
    v(state, conversation, data, account, token, reason);
  }
};

struct LoginStart {
  static constexpr std::uint16_t kType = 100;
  using Reply = LoginReply;
  SessionInfo session;
  std::string mechanism;                  ///< upper case
  std::optional<std::string> initial;     ///< raw octets of the initial response
  std::string tlsExporter;                ///< channel binding data where TLS gives it
  std::string tlsServerEndPoint;
  std::vector<std::string> tlsPeerAddresses;  ///< mail addresses of the client's verified certificate: for EXTERNAL
  template <class V>
  void fields(V& v) {
    v(session, mechanism, initial, tlsExporter, tlsServerEndPoint, tlsPeerAddresses);
  }
};

struct LoginContinue {
  static constexpr std::uint16_t kType = 102;
  using Reply = LoginReply;
  std::uint64_t conversation = 0;
  std::string response;  ///< raw octets
  template <class V>
  void fields(V& v) {
    v(conversation, response);
  }
};

/// The client sent "*", or went away.
struct LoginCancel {
  static constexpr std::uint16_t kType = 103;
  using Reply = void;
  std::uint64_t conversation = 0;
  template <class V>
  void fields(V& v) {
    v(conversation);
  }
};

// ---- directory: spool → auth -----------------------------------------------------------------------------------------------------

struct Identity {
  static constexpr std::uint16_t kType = 111;
  using Reply = void;
  bool known = false;
  Account account;
  std::vector<std::string> addresses;  ///< what the account may send as
  template <class V>
  void fields(V& v) {
    v(known, account, addresses);
  }
};

/// Whose token is it?
struct WhoIs {
  static constexpr std::uint16_t kType = 110;
  using Reply = Identity;
  std::string token;
  template <class V>
  void fields(V& v) {
    v(token);
  }
};

/// Where an address leads. Aliases are expanded fully; each target once.
struct Resolution {
  static constexpr std::uint16_t kType = 113;
  using Reply = void;
  enum class Kind : std::uint8_t { remote, local, unknownUser, rejected, loop };
  Kind kind = Kind::remote;         ///< remote: the domain is not ours
  std::vector<Account> accounts;    ///< local mailboxes
  std::vector<std::string> mailboxes;  ///< same order as accounts: the folder a +tag asks for, or empty
  std::vector<std::string> remote;  ///< addresses elsewhere
  std::vector<std::string> files;   ///< where allowed
  std::vector<std::string> pipes;   ///< where allowed
  std::vector<std::string> steps;   ///< each rule looked at, in words: for `ostler explain`
  template <class V>
  void fields(V& v) {
    v(kind, accounts, mailboxes, remote, files, pipes, steps);
  }
};

struct Resolve {
  static constexpr std::uint16_t kType = 112;
  using Reply = Resolution;
  std::string address;  ///< "local@domain", or a bare local part for the default domain
  template <class V>
  void fields(V& v) {
    v(address);
  }
};

// ---- bearer tokens: auth → out -----------------------------------------------------------------------------------------------------

/// What the authorization server says, as it says it: at most 64 KiB, and not looked at yet.
struct Introspected {
  static constexpr std::uint16_t kType = 161;
  using Reply = void;
  std::string answer;
  template <class V>
  void fields(V& v) {
    v(answer);
  }
};

/// Whose is it? RFC 7662. Fails with temporary when there is no answer.
struct Introspect {
  static constexpr std::uint16_t kType = 160;
  using Reply = Introspected;
  std::string token;
  template <class V>
  void fields(V& v) {
    v(token);
  }
};

// ---- policy and submission: smtpd, sendmail → spool -------------------------------------------------------------------------------

/// One SMTP reply. RFC 5321 4.2, RFC 2034.
struct SmtpReply {
  static constexpr std::uint16_t kType = 121;
  using Reply = void;
  std::uint16_t code = 250;
  std::string enhanced;  ///< "2.1.5"
  std::string text;      ///< lines separated by \n
  template <class V>
  void fields(V& v) {
    v(code, enhanced, text);
  }
};

struct CheckSender {
  static constexpr std::uint16_t kType = 120;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string reversePath;  ///< empty: <>
  std::uint64_t declaredSize = 0;
  bool smtpUtf8 = false;
  template <class V>
  void fields(V& v) {
    v(session, reversePath, declaredSize, smtpUtf8);
  }
};

struct CheckRecipient {
  static constexpr std::uint16_t kType = 122;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string reversePath;
  std::string forwardPath;
  std::uint32_t before = 0;  ///< recipients that this transaction has already
  template <class V>
  void fields(V& v) {
    v(session, reversePath, forwardPath, before);
  }
};

/// May this client be served at all? Asked at the connection, where the virtual server looks at names.
/// 220: yes, and `text` is the client's forward-confirmed name, or empty.
struct CheckClient {
  static constexpr std::uint16_t kType = 124;
  using Reply = SmtpReply;
  SessionInfo session;
  template <class V>
  void fields(V& v) {
    v(session);
  }
};

/// May it call itself session.helo? Asked where the virtual server looks at that name. 250: yes.
struct CheckHelo {
  static constexpr std::uint16_t kType = 125;
  using Reply = SmtpReply;
  SessionInfo session;
  template <class V>
  void fields(V& v) {
    v(session);
  }
};

/// VRFY and EXPN. RFC 5321 3.5. Whether the client may ask is decided by the spool.
struct Verify {
  static constexpr std::uint16_t kType = 126;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string argument;  ///< an address or a local part, without <>
  bool expand = false;   ///< EXPN
  template <class V>
  void fields(V& v) {
    v(session, argument, expand);
  }
};

/// ETRN: please start what waits. RFC 1985 5. Replies: 250, 251, 252, 253, 458, 459, 501.
struct EtrnRequest {
  static constexpr std::uint16_t kType = 127;
  using Reply = SmtpReply;
  SessionInfo session;
  std::string argument;  ///< "example.com", "@example.com" (all below, too), "#queue"
  template <class V>
  void fields(V& v) {
    v(session, argument);
  }
};

/// ATRN: the connection that comes along (one descriptor) is the client's, which becomes the server. RFC 2645 5.2.1.
/// 250: mail goes out over it once the client was told; 450, 451, 453, 530: the descriptor is of no use.
struct TurnAround {
  static constexpr std::uint16_t kType = 128;
  using Reply = SmtpReply;
  SessionInfo session;
  std::vector<std::string> domains;  ///< empty: all that are this user's
  template <class V>
  void fields(V& v) {
    v(session, domains);
  }
};

/// Whose sessions an administrator wants to read along.
struct Watch {
  std::string client;  ///< an address or a network; empty: any
  std::string user;    ///< an account's address; empty: any
  WallTime until{};
  template <class V>
  void fields(V& v) {
    v(client, user, until);
  }
};

struct Watches {
  static constexpr std::uint16_t kType = 137;
  using Reply = void;
  std::uint64_t version = 0;
  std::vector<Watch> list;
  template <class V>
  void fields(V& v) {
    v(version, list);
  }
};

/// Answered once there is another list than that of `version`. 0: at once.
struct AwaitWatches {
  static constexpr std::uint16_t kType = 136;
  using Reply = Watches;
  std::uint64_t version = 0;
  template <class V>
  void fields(V& v) {
    v(version);
  }
};

/// One recipient of an envelope, with its DSN parameters. RFC 3461 4.
struct Recipient {
  std::string forwardPath;
  std::string orcpt;              ///< decoded "rfc822;alice@example.test", empty if not given
  std::uint8_t notify = kNotifyFailure | kNotifyDelay;
  static constexpr std::uint8_t kNotifyNever = 0;
  static constexpr std::uint8_t kNotifySuccess = 1;
  static constexpr std::uint8_t kNotifyFailure = 2;
  static constexpr std::uint8_t kNotifyDelay = 4;
  bool notifyGiven = false;
  template <class V>
  void fields(V& v) {
    v(forwardPath, orcpt, notify, notifyGiven);
  }
};

/// What the sender asks of the way, beside the addresses. Times are absolute; the epoch means: not asked.
struct Handling {
  enum class By : std::uint8_t { none, notify, giveBack };  ///< what happens when `deliverBy` has passed: RFC 2852 4
  WallTime holdUntil{};         ///< RFC 4865: not before
  WallTime deliverBy{};         ///< RFC 2852
  By by = By::none;
  bool byTrace = false;         ///< RFC 2852 4: tell the sender of each relay
  std::int8_t priority = 0;     ///< RFC 6710: -9 to 9, higher goes first
  bool requireTls = false;      ///< RFC 8689 2: over verified TLS, or back
  bool tlsOptional = false;     ///< RFC 8689 5: the header says "TLS-Required: No"
  template <class V>
  void fields(V& v) {
    v(holdUntil, deliverBy, by, byTrace, priority, requireTls, tlsOptional);
  }
  bool operator==(const Handling&) const = default;
};

struct Envelope {
  std::string reversePath;  ///< empty: <>
  std::vector<Recipient> recipients;
  std::string envid;           ///< RFC 3461 4.4
  bool returnFull = false;     ///< RET=FULL: RFC 3461 4.3
  bool smtpUtf8 = false;       ///< RFC 6531
  bool eightBit = false;       ///< BODY=8BITMIME: RFC 6152
  bool binary = false;         ///< BODY=BINARYMIME: RFC 3030
  Handling handling;
  template <class V>
  void fields(V& v) {
    v(reversePath, recipients, envid, returnFull, smtpUtf8, eightBit, binary, handling);
  }
};

/// Refused with Failure{limit} when the disk or the queue is full, before the client sends it all. 250: open; any other
/// reply is the checks' and for the client, and there is no draft.
struct OpenDraft {
  static constexpr std::uint16_t kType = 130;
  using Reply = SmtpReply;
  Id128 draft;  ///< made by the caller; with it the outcome of a commit can be asked for later
  SessionInfo session;
  Envelope envelope;
  std::uint64_t declaredSize = 0;
  template <class V>
  void fields(V& v) {
    v(draft, session, envelope, declaredSize);
  }
};

/// The next octets of the content: CRLF lines, dots unstuffed, trace field in front. At most 64 KiB each.
struct DraftData {
  static constexpr std::uint16_t kType = 131;
  using Reply = Empty;  ///< back-pressure: at most four unanswered
  Id128 draft;
  std::string octets;
  template <class V>
  void fields(V& v) {
    v(draft, octets);
  }
};

struct CommitReply {
  static constexpr std::uint16_t kType = 133;
  using Reply = void;
  std::string queueId;             ///< empty: nothing was accepted
  std::vector<SmtpReply> replies;  ///< one per recipient, in their order; all the same unless LMTP
  template <class V>
  void fields(V& v) {
    v(queueId, replies);
  }
};

/// Makes the message durable and due. The reply is sent after the sync: from then on the mail is ours (RFC 5321 6.1).
struct CommitDraft {
  static constexpr std::uint16_t kType = 132;
  using Reply = CommitReply;
  Id128 draft;
  std::string lastOctets;  ///< the end of the content: saves small messages a frame
  template <class V>
  void fields(V& v) {
    v(draft, lastOctets);
  }
};

struct DiscardDraft {
  static constexpr std::uint16_t kType = 134;
  using Reply = void;
  Id128 draft;
  template <class V>
  void fields(V& v) {
    v(draft);
  }
};

/// After the spool went away during a commit: what became of it? An empty queueId: it was never accepted.
struct DraftOutcome {
  static constexpr std::uint16_t kType = 135;
  using Reply = CommitReply;
  Id128 draft;
  template <class V>
  void fields(V& v) {
    v(draft);
  }
};

// ---- sending: spool → out -----------------------------------------------------------------------------------------------------------

/// Where a message goes next, as the route says.
struct NextHop {
  enum class Kind : std::uint8_t {
    mx,
    host,
    lmtp,
    adopted,  ///< the connection that AdoptConnection brought; `name` is its name
  };
  Kind kind = Kind::mx;
  std::string name;          ///< mx: the domain; else a host name, "[192.0.2.1]", or the path of a Unix socket
  std::uint16_t port = 25;
  bool tlsRequired = false;
  std::uint8_t tlsVerify = 0;  ///< net::TlsVerify
  std::string user;
  std::string password;
  std::vector<std::string> fallbacks;  ///< hosts to ask when none of these can be reached: name, [address], either with :port
  template <class V>
  void fields(V& v) {
    v(kind, name, port, tlsRequired, tlsVerify, user, password, fallbacks);
  }
  /// Of one destination are messages whose key is the same: they share connections, back-off and state.
  [[nodiscard]] std::string key() const;
};

struct RecipientOutcome {
  enum class State : std::uint8_t { delivered, deferred, failed };
  State state = State::deferred;
  SmtpReply reply;          ///< the remote's words, or ours
  std::string remoteHost;   ///< "mx1.example.net [192.0.2.1]:25", empty if none was reached
  bool dsnPassedOn = false; ///< the next hop offered DSN and got the parameters: RFC 3461 4.1
  template <class V>
  void fields(V& v) {
    v(state, reply, remoteHost, dsnPassedOn);
  }
};

struct DeliverOutcome {
  static constexpr std::uint16_t kType = 141;
  using Reply = void;
  std::vector<RecipientOutcome> recipients;  ///< in the order of the envelope
  std::string transcript;                    ///< what was said with hosts that did not take it, without content and passwords; lines end in LF
  template <class V>
  void fields(V& v) {
    v(recipients, transcript);
  }
};

/// Comes with one read-only descriptor: the content is [offset, offset + length) of it.
struct Deliver {
  static constexpr std::uint16_t kType = 140;
  using Reply = DeliverOutcome;
  std::string queueId;
  NextHop nextHop;
  Envelope envelope;
  std::string heloName;
  std::string prefix;        ///< octets to be sent before the content; of a small message all there is, and no descriptor comes
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool hasEightBit = false;  ///< the content has octets above 127
  bool utf8Header = false;   ///< the header needs SMTPUTF8
  std::string sourceV4;      ///< the address to send from; empty: the one of the configuration
  std::string sourceV6;
  std::uint64_t messagesPerConnection = 0;  ///< 0: the configuration's
  std::string virtualServer;                ///< by which the message came in, for the log
  template <class V>
  void fields(V& v) {
    v(queueId, nextHop, envelope, heloName, prefix, offset, length, hasEightBit, utf8Header, sourceV4, sourceV6,
      messagesPerConnection, virtualServer);
  }
};

struct AskedRecipient {
  static constexpr std::uint16_t kType = 145;
  using Reply = void;
  SmtpReply reply;         ///< the server's word about the recipient, or 4xx of ours
  std::string remoteHost;  ///< empty: none was reached
  bool asked = false;      ///< it got as far as the question
  template <class V>
  void fields(V& v) {
    v(reply, remoteHost, asked);
  }
};

/// Does a server have this recipient? Asked without sending it anything.
struct AskRecipient {
  static constexpr std::uint16_t kType = 144;
  using Reply = AskedRecipient;
  enum class How : std::uint8_t {
    rcpt,  ///< MAIL FROM:<>, RCPT, RSET: what a primary says to its backup
    vrfy,  ///< RFC 5321 3.5: peers tell each other
  };
  NextHop nextHop;
  How how = How::rcpt;
  std::string heloName;
  std::string forwardPath;
  template <class V>
  void fields(V& v) {
    v(nextHop, how, heloName, forwardPath);
  }
};

/// Comes with one descriptor: a connection whose other end is a server that has not greeted yet. 250: it has, and mail for the
/// next hop {adopted, name} goes over it, until EndAdopted or until nothing was sent for a while.
struct AdoptConnection {
  static constexpr std::uint16_t kType = 146;
  using Reply = SmtpReply;
  std::string name;
  std::string heloName;
  std::string remoteHost;  ///< for the log and reports
  template <class V>
  void fields(V& v) {
    v(name, heloName, remoteHost);
  }
};

struct EndAdopted {
  static constexpr std::uint16_t kType = 147;
  using Reply = void;
  std::string name;
  template <class V>
  void fields(V& v) {
    v(name);
  }
};

// ---- programs behind aliases: spool → programs -----------------------------------------------------------------------------------

struct ProgramOutcome {
  static constexpr std::uint16_t kType = 161;
  using Reply = void;
  SmtpReply reply;  ///< what its end means
  template <class V>
  void fields(V& v) {
    v(reply);
  }
};

/// Comes with one read-only descriptor: the content is [offset, offset + length) of it.
struct RunProgram {
  static constexpr std::uint16_t kType = 160;
  using Reply = ProgramOutcome;
  std::string queueId;
  std::string command;      ///< for a shell, without the alias's "|"
  std::string alias;        ///< local part of the alias that leads to it
  std::string reversePath;
  std::string forwardPath;  ///< of the alias
  std::string head;         ///< octets before the content
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  template <class V>
  void fields(V& v) {
    v(queueId, command, alias, reversePath, forwardPath, head, offset, length);
  }
};

// ---- what only the DNS knows: spool → out ---------------------------------------------------------------------------------------

struct LookedUp {
  static constexpr std::uint16_t kType = 143;
  using Reply = void;
  enum class State : std::uint8_t { yes, no, nullMx, later };
  State state = State::later;
  std::string name;  ///< clientName, yes: the forward-confirmed name
  template <class V>
  void fields(V& v) {
    v(state, name);
  }
};

struct LookUp {
  static constexpr std::uint16_t kType = 142;
  using Reply = LookedUp;
  enum class What : std::uint8_t {
    clientName,  ///< `text` is an address: has it a name that leads back to it?
    mailDomain,  ///< `text` is a domain: can mail be sent to it (RFC 5321 5.1), or does it refuse (null MX)?
    hostName,    ///< `text` is a host name: has it an address, or an MX?
  };
  What what = What::clientName;
  std::string text;
  template <class V>
  void fields(V& v) {
    v(what, text);
  }
};

// ---- administration: tools → every role's control ----------------------------------------------------------------------------------

/// A command of a tool: words as on the command line, e.g. {"queue", "list", "--json"}. The identity is SO_PEERCRED's.
struct ControlReply {
  static constexpr std::uint16_t kType = 151;
  using Reply = void;
  std::uint8_t exitCode = 0;  ///< sysexits(3)
  std::string output;         ///< JSON, one value a line
  std::string error;          ///< what, where, remedy; for stderr
  std::string next;           ///< not empty: there is more; ask again with ControlRequest::cursor set to this
  template <class V>
  void fields(V& v) {
    v(exitCode, output, error, next);
  }
};

struct ControlRequest {
  static constexpr std::uint16_t kType = 150;
  using Reply = ControlReply;
  std::vector<std::string> words;
  std::string cursor;
  template <class V>
  void fields(V& v) {
    v(words, cursor);
  }
};

}  // namespace ostler::ipc
