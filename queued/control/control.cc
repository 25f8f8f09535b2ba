#include "queued/control/control.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::control {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

/// Options that stand alone; every other one is followed by its value.
constexpr std::array kFlags = {std::string_view("--json"), std::string_view("--all"), std::string_view("--empty"),
                               std::string_view("--postfix"), std::string_view("--postfix-json"),
                               std::string_view("--notify"), std::string_view("--senders"), std::string_view("--yes"),
                               std::string_view("--record"), std::string_view("--release-now")};

/// Errors: syntax (an option that the command does not take, or one without its value): what was meant to narrow a command must not be
/// passed over.
Result<Arguments> parseWords(const std::vector<std::string>& words, std::size_t from, std::string_view takes) {
  const std::vector<std::string_view> known = split(takes, ' ');
  Arguments arguments;
  for (std::size_t at = from; at < words.size(); ++at) {
    const std::string_view word = words[at];
    if (!word.starts_with("--")) {
      arguments.words.emplace_back(word);
      continue;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string option(word.substr(0, equals));
    const bool isKnown = option == "--json" || std::find(known.begin(), known.end(), option) != known.end();
    if (!isKnown) return fail(Error::Kind::syntax, "this command takes no " + printable(option, 60));
    const bool isFlag = std::find(kFlags.begin(), kFlags.end(), option) != kFlags.end();
    const bool hasValue = equals < word.size();
    if (isFlag && hasValue) return fail(Error::Kind::syntax, option + " has no value");
    if (!isFlag && !hasValue && at + 1 == words.size()) return fail(Error::Kind::syntax, option + " needs a value");
    if (isFlag) {
      arguments.options.push_back(option);
    } else {
      arguments.values.emplace_back(option, hasValue ? std::string(word.substr(equals + 1)) : words[++at]);
    }
  }
  return arguments;
}

}  // namespace

ipc::ControlReply refuse(std::uint8_t exitCode, std::string error) {
  ipc::ControlReply reply;
  reply.exitCode = exitCode;
  reply.error = std::move(error);
  return reply;
}

bool Arguments::has(std::string_view option) const { return std::find(options.begin(), options.end(), option) != options.end(); }

bool Arguments::reaches(std::string_view server) const {
  return !servers || std::find(servers->begin(), servers->end(), server) != servers->end();
}

std::string Arguments::value(std::string_view option) const {
  for (const auto& [name, value] : values) {
    if (name == option) return value;
  }
  return {};
}

std::span<const Control::Command> Control::commands() {
  static constexpr std::string_view kWhich = "--sender --recipient --destination --all --queue";
  static constexpr std::string_view kLaidOn = "--sender --route --recipient --destination --all --queue";
  static constexpr std::array kCommands = {
      //      noun       verb            right          reach            handler, and the options it takes beside --json
      Command{"queue",   "list",         Right::look,   Reach::servers,  &Control::list, "--sender --recipient --destination --postfix --postfix-json"},
      Command{"roles",   "",             Right::look,   Reach::suite,    &Control::roles, ""},
      Command{"queue",   "summary",      Right::look,   Reach::suite,    &Control::summary, ""},
      Command{"queue",   "show",         Right::look,   Reach::servers,  &Control::show, "--sender --recipient --destination --all --postfix --postfix-json"},
      Command{"queue",   "wait",         Right::look,   Reach::suite,    &Control::wait, "--id --empty --timeout"},
      Command{"queue",   "holds",        Right::look,   Reach::suite,    &Control::holds, ""},
      Command{"queue",   "history",      Right::look,   Reach::suite,    &Control::writeHistory, ""},
      Command{"queue",   "destinations", Right::look,   Reach::suite,    &Control::destinations, ""},
      Command{"queue",   "verify",       Right::look,   Reach::suite,    &Control::verify, ""},
      Command{"queue",   "export",       Right::change, Reach::servers,  &Control::exportContent, "--record"},
      Command{"queue",   "retry",        Right::change, Reach::servers,  &Control::retry, "--sender --recipient --destination --all --queue --release-now"},
      Command{"queue",   "freeze",       Right::change, Reach::servers,  &Control::freeze, kLaidOn},
      Command{"queue",   "thaw",         Right::change, Reach::servers,  &Control::thaw, kLaidOn},
      Command{"queue",   "hold",         Right::change, Reach::servers,  &Control::hold, kLaidOn},
      Command{"queue",   "release",      Right::change, Reach::servers,  &Control::release, kLaidOn},
      Command{"queue",   "delete",       Right::change, Reach::servers,  &Control::remove, "--sender --recipient --destination --all --queue --notify"},
      Command{"queue",   "expire",       Right::change, Reach::servers,  &Control::expire, kWhich},
      Command{"queue",   "ages",         Right::look,   Reach::suite,    &Control::ages, "--senders"},
      Command{"queue",   "disable",      Right::change, Reach::suite,    &Control::disable, "--yes"},
      Command{"queue",   "enable",       Right::change, Reach::suite,    &Control::enable, "--yes"},
      Command{"queue",   "move",         Right::change, Reach::servers,  &Control::move, "--sender --recipient --destination --all --to"},
      Command{"queue",   "edit",         Right::change, Reach::servers,  &Control::edit, "--sender --recipient --destination --all --expiry"},
      Command{"badmail", "list",         Right::look,   Reach::servers,  &Control::badmailList, ""},
      Command{"badmail", "show",         Right::change, Reach::servers,  &Control::badmailShow, ""},
      Command{"badmail", "retry",        Right::change, Reach::servers,  &Control::badmailRetry, ""},
      Command{"badmail", "purge",        Right::change, Reach::servers,  &Control::badmailPurge, "--older --all"},
      Command{"sender",  "list",         Right::look,   Reach::suite,    &Control::senderList, "--all"},
      Command{"sender",  "freeze",       Right::change, Reach::suite,    &Control::senderFreeze, ""},
      Command{"sender",  "thaw",         Right::change, Reach::suite,    &Control::senderThaw, ""},
      Command{"transcript", "start",     Right::change, Reach::suite,    &Control::transcriptStart, "--client --user --for"},
      Command{"transcript", "list",      Right::look,   Reach::suite,    &Control::transcriptList, ""},
      Command{"transcript", "stop",      Right::change, Reach::suite,    &Control::transcriptStop, "--client --user"},
      Command{"why",     "",             Right::look,   Reach::suite,    &Control::why, ""},
      Command{"explain", "",             Right::look,   Reach::suite,    &Control::explain, "--from --to --client --helo --auth --server --size --hops"},
  };
  return kCommands;
}

Control::Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions, spool::WatchList& watches)
    : env_(env), dispatcher_(dispatcher), questions_(questions), watches_(watches) {}

void Control::use(const config::Config& config, const std::string& socket) {
  for (const std::string& name : operators_.use(config)) env_.log.error("operator-unknown", {{"name", name}});
  socket_ = socket;
  (void)::chmod(socket.c_str(), socketMode());  // before it listens there is none
}

void Control::serve(ipc::Server& server) {
  server.on<ipc::ControlRequest>([this](Connection from, ipc::ControlRequest request, const std::vector<UniqueFd>&) {
    return answer(std::move(from), std::move(request));
  });
}

/// What was done goes into the life of each message that it names.
void Control::noteInLives(const std::vector<std::string>& words, uid_t uid) {
  for (const std::string& word : words) {
    const auto id = Id128::parse(word);
    if (id) env_.history.note(*id, env_.now(), fmt::format("administrator uid={}: {}", uid, joined(words)));
  }
}

Task<Result<ipc::ControlReply>> Control::answer(Connection from, ipc::ControlRequest request) {
  const std::vector<std::string>& words = request.words;
  for (const Command& command : commands()) {
    const bool nounFits = !words.empty() && words[0] == command.noun;
    const bool verbFits = command.verb.empty() || (words.size() > 1 && words[1] == command.verb);
    if (!nounFits || !verbFits) continue;
    const uid_t uid = from->peer().uid;
    struct stat socket {};
    const bool isThere = ::stat(socket_.c_str(), &socket) == 0;
    const Scope scope = operators_.scopeOf(from->peer(), isThere ? std::optional(socket.st_gid) : std::nullopt);
    const bool mayAll = command.right == Right::change ? scope.mayChange : scope.mayLook;
    if (!mayAll && (command.reach == Reach::suite || scope.servers.empty())) {
      env_.log.warn("control-refused", {{"uid", std::uint64_t{uid}}, {"command", words[0] + " " + std::string(command.verb)}});
      co_return refuse(EX_NOPERM, scope.servers.empty() ? "only root and the suite's own user may do that"
                                                        : "operators of virtual servers may not do that: it concerns all of them");
    }
    if (command.right == Right::change) {
      env_.log.info("control", {{"uid", std::uint64_t{uid}}, {"pid", std::to_string(from->peer().pid)}, {"command", joined(words)}});
    }
    Result<Arguments> arguments = parseWords(words, command.verb.empty() ? 1 : 2, command.options);
    if (!arguments) co_return refuse(EX_USAGE, arguments.error().detail);
    if (!mayAll) arguments->servers = scope.servers;
    Reply reply = co_await (this->*command.handler)(std::move(*arguments), std::move(request.cursor));
    if (command.right == Right::change && reply.exitCode == 0) noteInLives(words, uid);
    if (!command.isJournalled() || reply.exitCode != 0) co_return reply;
    // What a tool was told lasts, whatever happens in the next instant.
    const Result<void> written = co_await env_.ledger.synced();
    if (!written) co_return refuse(EX_TEMPFAIL, "done, but it is not written down yet: " + written.error().detail);
    co_return reply;
  }
  co_return refuse(EX_USAGE, "the spool knows no such command");
}

}  // namespace ostler::control
