// sendmail.cc - sendmail: what programs call to send mail. Hands the message to the spool over submit.sock; when the spool is down,
// drops it into pickup/, where it is found at the next start.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>

#include <fmt/format.h>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/ascii.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/message/address_list.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/header_addresses.h"
#include "libmailcore/message/named_recipients.h"
#include "libmailcore/message/typed_addresses.h"
#include "libmailcore/smtp/path.h"
#include "queued/tools/common.h"
#include "queued/tools/sendmail_options.h"

namespace ostler::tools {
namespace {

/// Standard input with CRLF line ends, up to its end or, without -i, to a line of a single dot.
std::string readMessage(bool dotIsContent, std::istream& in) {
  std::string message;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!dotIsContent && line == ".") break;
    message += line;
    message += "\r\n";
  }
  return message;
}

std::string userName() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : fmt::format("uid{}", ::getuid());
}

/// -t: recipients from the header; Bcc goes.
void takeRecipients(std::string& message, std::vector<std::string>& recipients) {
  const message::HeaderView header(message);
  for (std::string& address : message::namedRecipients(header)) recipients.push_back(std::move(address));
  std::string kept;
  for (const message::HeaderField& field : header) {
    if (!message::isBlindCopy(field.name)) kept.append(message, field.offset, field.length);
  }
  message = kept + message.substr(header.fieldsLength());
}

Task<Result<ipc::CommitReply>> submit(ipc::Client& client, ipc::OpenDraft open, std::string content) {
  const Deadline patience = Deadline::after(std::chrono::seconds(60));
  const Deadline there = Deadline::after(std::chrono::seconds(2));  // then it goes to pickup/
  const Id128 draft = open.draft;
  const auto opened = co_await client.call(std::move(open), there);
  if (!opened) co_return fail(opened.error());
  if (opened->code != 250) co_return ipc::CommitReply{"", {*opened}};
  constexpr std::size_t kPiece = 64 * 1024;
  std::size_t at = 0;
  for (; content.size() - at > kPiece; at += kPiece) {
    ipc::DraftData data;
    data.draft = draft;
    data.octets = std::string_view(content).substr(at, kPiece);
    const auto taken = co_await client.call(std::move(data), patience);
    if (!taken) co_return fail(taken.error());
  }
  ipc::CommitDraft commit;
  commit.draft = draft;
  commit.lastOctets = content.substr(at);
  Result<ipc::CommitReply> reply = co_await client.call(std::move(commit), patience);
  const bool unknown = !reply && (reply.error().kind == Error::Kind::closed || reply.error().kind == Error::Kind::timeout);
  if (!unknown) co_return reply;
  ipc::DraftOutcome question;
  question.draft = draft;
  Result<ipc::CommitReply> outcome = co_await client.call(std::move(question), patience);
  co_return outcome;
}

/// A name survives a loss of power once its folder is synced. Who may write into it and not list it has the file system synced.
bool syncName(const std::string& folderPath, const UniqueFd& file) {
  const UniqueFd folder(::open(folderPath.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder ? ::fsync(folder.get()) == 0 : ::syncfs(file.get()) == 0;
}

/// What the envelope in front would be confused by: fields at the top of the message that mean an envelope in pickup/, and a header
/// that ends in a line that is no field.
std::string forPickup(const std::string& content) {
  const message::HeaderView header(content);
  std::string out;
  bool isAtTop = true;
  for (const message::HeaderField& field : header) {
    if (field.name.empty()) return out + "\r\n" + content.substr(field.offset);
    constexpr std::string_view kEnvelope[] = {"X-Sender", "X-Receiver", "X-Notify", "X-Return", "X-Envelope-Id"};
    const bool means = std::any_of(std::begin(kEnvelope), std::end(kEnvelope), [&](std::string_view name) { return equalsIgnoreCase(field.name, name); });
    isAtTop = isAtTop && means;
    if (!isAtTop) out.append(content, field.offset, field.length);
  }
  return out + content.substr(header.fieldsLength());
}

std::string envelopeFields(const ipc::Envelope& envelope) {
  std::string out = fmt::format("X-Sender: <{}>\r\n", envelope.reversePath);
  for (const ipc::Recipient& recipient : envelope.recipients) out += fmt::format("X-Receiver: <{}>\r\n", recipient.forwardPath);
  if (envelope.recipients.front().notifyGiven) {
    const std::uint8_t notify = envelope.recipients.front().notify;
    std::string words;
    for (const auto& [bit, word] : {std::pair{ipc::Recipient::kNotifySuccess, "success"}, {ipc::Recipient::kNotifyFailure, "failure"}, {ipc::Recipient::kNotifyDelay, "delay"}}) {
      if ((notify & bit) != 0) words += (words.empty() ? "" : ",") + std::string(word);
    }
    out += "X-Notify: " + (words.empty() ? "never" : words) + "\r\n";
  }
  if (envelope.returned != ipc::Returned::notSaid) out += envelope.returned == ipc::Returned::full ? "X-Return: full\r\n" : "X-Return: hdrs\r\n";
  if (!envelope.envid.empty()) out += "X-Envelope-Id: " + printable(envelope.envid, 100) + "\r\n";
  return out;
}

/// The spool is down: a file in pickup/ keeps the message until it is back.
int dropIntoPickup(const config::Config& config, const ipc::Envelope& envelope, const std::string& content) {
  const std::string name = fmt::format("sendmail-{}.eml", Id128::make(std::chrono::system_clock::now()).text());
  const std::string aside = config.pickupDir() + "/." + name;
  const std::string place = config.pickupDir() + "/" + name;
  const UniqueFd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  const std::string octets = envelopeFields(envelope) + forPickup(content);
  // Whatever the umask: the folder's group is the spool's.
  const bool isThere = file && ::fchmod(file.get(), 0640) == 0 && ::write(file.get(), octets.data(), octets.size()) == static_cast<ssize_t>(octets.size()) &&
                       ::fsync(file.get()) == 0 && ::rename(aside.c_str(), place.c_str()) == 0;
  // What cannot be taken back any more was taken: the caller must not send it again.
  if (isThere && (syncName(config.pickupDir(), file) || ::unlink(place.c_str()) != 0)) return EX_OK;
  const int why = errno;
  if (file) ::unlink(aside.c_str());
  errno = why;
  fmt::print(stderr, "sendmail: the suite is not running, and {} cannot be written: {}\n", config.pickupDir(), std::strerror(errno));
  return EX_TEMPFAIL;
}

/// Where a message goes: what the configuration says, and how much of that is known while it has errors.
struct Suite {
  std::shared_ptr<const config::Config> config;
  bool knowsSpool = true;
};

/// An error in the configuration ends no suite that runs, so it keeps nobody from sending; nor does it that there is none yet. Null: the
/// mistakes were printed.
std::optional<Suite> suiteOf(const CommonOptions& options) {
  const config::Handover handover = config::handoverOf(options.config);
  const bool isUsual = options.config == kUsualConfig;
  const bool isThere = ::access(options.config.c_str(), F_OK) == 0 || errno != ENOENT;
  // Of a configuration that was named the suite is not where the usual one is.
  if (isUsual || (isThere && handover.knowsRunDir)) return Suite{handover.config, handover.knowsSpool};
  (void)loadConfig(options);
  return std::nullopt;
}

int send(const Suite& suite, ipc::Envelope envelope, std::string content) {
  const config::Config& config = *suite.config;
  ipc::OpenDraft open;
  open.draft = Id128::make(std::chrono::system_clock::now());
  open.session.service = "local";
  open.envelope = envelope;
  open.declaredSize = content.size();
  Loop loop;
  ipc::Client client(loop, config.socketPath("submit"));
  const Result<ipc::CommitReply> reply = loop.runUntilDone(submit(client, std::move(open), content));
  if (!reply) {
    const bool isDown = reply.error().kind == Error::Kind::timeout || reply.error().kind == Error::Kind::closed;
    if (isDown && suite.knowsSpool) return dropIntoPickup(config, envelope, content);
    if (isDown) {
      fmt::print(stderr, "sendmail: no suite answers at {}, and the configuration, which says where mail waits, cannot be read\n", config.socketPath("submit"));
      return EX_TEMPFAIL;
    }
    fmt::print(stderr, "sendmail: not accepted: {}\n", reply.error().detail);
    switch (reply.error().kind) {
      case Error::Kind::denied: return EX_NOPERM;
      case Error::Kind::permanent:
      case Error::Kind::syntax: return EX_UNAVAILABLE;  // the same again will not be taken either
      default: return EX_TEMPFAIL;
    }
  }
  if (!reply->queueId.empty()) return EX_OK;
  const std::string why = reply->replies.empty() ? "no answer" : reply->replies.front().text;
  fmt::print(stderr, "sendmail: not accepted: {}\n", why);
  return !reply->replies.empty() && reply->replies.front().code >= 500 ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

void say(const std::string& line) {
  fmt::print("{}\r\n", line);
  std::fflush(stdout);
}

/// What stands behind the colon of MAIL FROM: or RCPT TO:.
std::string_view pathIn(const std::string& line) {
  const std::size_t colon = line.find(':');
  return colon == std::string::npos ? std::string_view() : trim(std::string_view(line).substr(colon + 1));
}

/// What follows DATA, without the dots of RFC 5321 4.5.2; nothing when the input ends before the dot that ends it.
std::optional<std::string> readUntilDot() {
  std::string content;
  for (std::string text; std::getline(std::cin, text);) {
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text == ".") return content;
    content += text.starts_with('.') ? text.substr(1) : text;
    content += "\r\n";
  }
  return std::nullopt;
}

/// -bs: enough of SMTP on standard input and output for a program that was told to speak it. RFC 5321 4.1.1.
int dialogue(const Suite& suite, const Wanted& wanted) {
  const config::Config& config = *suite.config;
  ipc::Envelope envelope;
  bool mailOpen = false;
  say(fmt::format("220 {} Ostler", config.hostName));
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::string verb = asciiUpper(line.substr(0, 4));
    if (verb == "QUIT") {
      say("221 2.0.0 Bye");
      return EX_OK;
    }
    if (verb == "HELO" || verb == "EHLO" || verb == "RSET") {
      envelope = {};
      mailOpen = false;
      say("250 " + (verb == "RSET" ? std::string("2.0.0 Ok") : config.hostName));
    } else if (verb == "NOOP") {
      say("250 2.0.0 Ok");
    } else if (verb == "MAIL" && !mailOpen) {
      const auto path = smtp::parseReversePath(pathIn(line), config.hostName);
      mailOpen = path.has_value();
      if (mailOpen) envelope.reversePath = path->path.text();
      say(mailOpen ? "250 2.1.0 Ok" : "501 5.1.7 Bad address syntax");
    } else if (verb == "VRFY") {
      say("252 2.1.5 Cannot VRFY user, but will accept the message and attempt delivery");
    } else if (verb == "RCPT" && mailOpen) {
      const auto path = smtp::parseForwardPath(pathIn(line), config.hostName);
      if (!path) {
        say("501 5.1.3 Bad address syntax");
        continue;
      }
      ipc::Recipient recipient;
      recipient.forwardPath = path->path.text();
      recipient.notify = wanted.notify;
      envelope.recipients.push_back(std::move(recipient));
      say("250 2.1.5 Ok");
    } else if (verb == "DATA" && !envelope.recipients.empty()) {
      say("354 End data with <CR><LF>.<CR><LF>");
      std::optional<std::string> content = readUntilDot();
      if (!content) return EX_DATAERR;  // the program ended in the middle: half a message is none
      const int status = send(suite, std::exchange(envelope, {}), std::move(*content));
      say(status == EX_OK ? "250 2.0.0 Ok" : status == EX_TEMPFAIL ? "451 4.3.0 Not taken, try again" : "554 5.3.0 Not taken");
      mailOpen = false;
    } else {
      const bool isKnown = verb == "MAIL" || verb == "RCPT" || verb == "DATA";
      say(isKnown ? "503 5.5.1 Not now" : "500 5.5.2 Unknown command");
    }
  }
  return EX_OK;
}

/// -f, else who calls. A local part alone is of this host.
Result<smtp::ReversePath> senderOf(const Wanted& wanted, const std::string& hostName) {
  if (!wanted.senderGiven) return smtp::ReversePath(smtp::Mailbox{userName(), hostName});
  if (wanted.sender.empty() || wanted.sender == "<>") return smtp::ReversePath();
  const Result<std::string> path = smtp::parsePlainPath(wanted.sender);
  if (!path) return fail(path.error());
  const auto parsed = smtp::parseReversePath("<" + *path + ">", hostName);
  if (!parsed) return fail(parsed.error());
  return parsed->path;
}

/// Each argument is a list of addresses, as cron(8) hands over what MAILTO says. Errors: one of them is no address.
Result<std::vector<ipc::Recipient>> recipientsOf(const Wanted& wanted) {
  std::vector<ipc::Recipient> out;
  for (const std::string& argument : wanted.recipients) {
    for (const std::string& address : message::typedAddresses(argument)) {
      Result<std::string> path = smtp::parsePlainPath(address);
      if (!path) return fail(Error::Kind::syntax, printable(address) + " is no address (" + path.error().detail + ")");
      ipc::Recipient recipient;
      recipient.forwardPath = std::move(*path);
      recipient.notify = wanted.notify;
      recipient.notifyGiven = wanted.notifyGiven;
      out.push_back(std::move(recipient));
    }
  }
  return out;
}

int sayNoRecipients() {
  fmt::print(stderr, "sendmail: no recipients: name them, or use -t\n");
  return EX_USAGE;
}

}  // namespace

int sendmail(const Call& call) {
  Result<Wanted> wanted = readSendmailOptions(call.words);
  if (!wanted) {
    fmt::print(stderr, "sendmail: {}\n", wanted.error().detail);
    return EX_USAGE;
  }
  if (wanted->aliases) return newaliases({"newaliases", {"-c", wanted->common.config}});
  const std::optional<Suite> suite = suiteOf(wanted->common);
  if (!suite) return ::access(wanted->common.config.c_str(), F_OK) == 0 ? EX_TEMPFAIL : EX_CONFIG;
  const std::shared_ptr<const config::Config>& config = suite->config;
  if (wanted->list) return askAndPrint(*config, "control", {"queue", "list", "--postfix"});
  if (wanted->flush) {
    return ask(*config, "control", {"queue", "retry", "--all"}, [](const std::string&) {}, Deadline::after(std::chrono::seconds(60)));
  }
  if (wanted->dialogue) return dialogue(*suite, *wanted);
  std::string content = readMessage(wanted->dotIsContent, std::cin);
  if (content.starts_with("From ")) content.erase(0, content.find('\n') + 1);  // mbox's line in front, which mail filters pass on
  if (wanted->fromHeader) takeRecipients(content, wanted->recipients);
  if (wanted->recipients.empty()) return sayNoRecipients();
  const Result<smtp::ReversePath> sender = senderOf(*wanted, config->hostName);
  if (!sender) {
    fmt::print(stderr, "sendmail: the sender {} is no address: {}\n", printable(wanted->sender), sender.error().detail);
    return EX_DATAERR;
  }
  ipc::Envelope envelope;
  envelope.reversePath = sender->text();
  envelope.envid = wanted->envid;
  envelope.returned = wanted->returned;
  envelope.eightBit = !isAllAscii(content);
  auto recipients = recipientsOf(*wanted);
  if (!recipients) {
    fmt::print(stderr, "sendmail: {}, so nothing was sent\n", recipients.error().detail);
    return EX_NOUSER;
  }
  if (recipients->empty()) return sayNoRecipients();
  envelope.recipients = std::move(*recipients);
  if (!wanted->fullName.empty() && !message::HeaderView(content).find("From")) {
    message::Mailbox from;
    from.displayName = wanted->fullName;
    from.localPart = sender->isNull() ? "MAILER-DAEMON" : sender->mailbox().localPart;
    from.domain = sender->isNull() ? config->hostName : sender->mailbox().domain;
    content = "From: " + message::writeMailbox(from) + "\r\n" + content;
  }
  // A text without any header gets the empty line that ends one.
  const message::HeaderView header(content);
  const bool hasHeader = header.begin() != header.end() && !header.begin()->name.empty();
  if (!hasHeader) content = "\r\n" + content;
  // "From: root" of a program of this machine is an address to nobody else.
  if (auto completed = message::withShownDomains(content, {"", "", config->hostName})) content = std::move(*completed);
  return send(*suite, std::move(envelope), std::move(content));
}

}  // namespace ostler::tools
