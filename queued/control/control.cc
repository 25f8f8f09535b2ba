#include "queued/control/control.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace ostler::control {

namespace {

/// Options that stand alone; every other one is followed by its value.
constexpr std::array kFlags = {std::string_view("--json"), std::string_view("--all"), std::string_view("--empty"),
                               std::string_view("--postfix"), std::string_view("--postfix-json"),
                               std::string_view("--notify"), std::string_view("--senders"), std::string_view("--yes"),
                               std::string_view("--record")};

Arguments parseWords(const std::vector<std::string>& words, std::size_t from) {
  Arguments arguments;
  for (std::size_t at = from; at < words.size(); ++at) {
    const std::string& word = words[at];
    const bool isFlag = std::find(kFlags.begin(), kFlags.end(), word) != kFlags.end();
    if (!word.starts_with("--")) {
      arguments.words.push_back(word);
    } else if (isFlag || at + 1 == words.size()) {
      arguments.options.push_back(word);
    } else {
      arguments.values.emplace_back(word, words[++at]);
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
  static constexpr std::array kCommands = {
      //      noun       verb            right          reach            handler
      Command{"queue",   "list",         Right::look,   Reach::servers,  &Control::list},
      Command{"queue",   "summary",      Right::look,   Reach::suite,    &Control::summary},
      Command{"queue",   "show",         Right::look,   Reach::servers,  &Control::show},
      Command{"queue",   "wait",         Right::look,   Reach::suite,    &Control::wait},
      Command{"queue",   "holds",        Right::look,   Reach::suite,    &Control::holds},
      Command{"queue",   "history",      Right::look,   Reach::suite,    &Control::writeHistory},
      Command{"queue",   "destinations", Right::look,   Reach::suite,    &Control::destinations},
      Command{"queue",   "verify",       Right::look,   Reach::suite,    &Control::verify},
      Command{"queue",   "export",       Right::change, Reach::servers,  &Control::exportContent},
      Command{"queue",   "retry",        Right::change, Reach::servers,  &Control::retry},
      Command{"queue",   "freeze",       Right::change, Reach::servers,  &Control::freeze},
      Command{"queue",   "thaw",         Right::change, Reach::servers,  &Control::thaw},
      Command{"queue",   "hold",         Right::change, Reach::servers,  &Control::hold},
      Command{"queue",   "release",      Right::change, Reach::servers,  &Control::release},
      Command{"queue",   "delete",       Right::change, Reach::servers,  &Control::remove},
      Command{"queue",   "expire",       Right::change, Reach::servers,  &Control::expire},
      Command{"queue",   "ages",         Right::look,   Reach::suite,    &Control::ages},
      Command{"queue",   "disable",      Right::change, Reach::suite,    &Control::disable},
      Command{"queue",   "enable",       Right::change, Reach::suite,    &Control::enable},
      Command{"queue",   "move",         Right::change, Reach::servers,  &Control::move},
      Command{"queue",   "edit",         Right::change, Reach::servers,  &Control::edit},
      Command{"badmail", "list",         Right::look,   Reach::servers,  &Control::badmailList},
      Command{"badmail", "show",         Right::change, Reach::servers,  &Control::badmailShow},
      Command{"badmail", "retry",        Right::change, Reach::servers,  &Control::badmailRetry},
      Command{"badmail", "purge",        Right::change, Reach::servers,  &Control::badmailPurge},
      Command{"sender",  "list",         Right::look,   Reach::suite,    &Control::senderList},
      Command{"sender",  "freeze",       Right::change, Reach::suite,    &Control::senderFreeze},
      Command{"sender",  "thaw",         Right::change, Reach::suite,    &Control::senderThaw},
      Command{"transcript", "start",     Right::change, Reach::suite,    &Control::transcriptStart},
      Command{"transcript", "list",      Right::look,   Reach::suite,    &Control::transcriptList},
      Command{"transcript", "stop",      Right::change, Reach::suite,    &Control::transcriptStop},
      Command{"why",     "",             Right::look,   Reach::suite,    &Control::why},
      Command{"explain", "",             Right::look,   Reach::suite,    &Control::explain},
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
      std::string line;
      for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
      // In the life of each message that is named, too.
      for (const std::string& word : words) {
        const auto id = Id128::parse(word);
        if (id) env_.history.note(*id, env_.now(), fmt::format("administrator uid={}: {}", uid, line));
      }
      env_.log.info("control", {{"uid", std::uint64_t{uid}}, {"pid", std::to_string(from->peer().pid)}, {"command", line}});
    }
    Arguments arguments = parseWords(words, command.verb.empty() ? 1 : 2);
    if (!mayAll) arguments.servers = scope.servers;
    Reply reply = co_await (this->*command.handler)(std::move(arguments), std::move(request.cursor));
    if (!command.isJournalled() || reply.exitCode != 0) co_return reply;
    // What a tool was told lasts, whatever happens in the next instant.
    const Result<void> written = co_await env_.ledger.synced();
    if (!written) co_return refuse(EX_TEMPFAIL, "done, but it is not written down yet: " + written.error().detail);
    co_return reply;
  }
  co_return refuse(EX_USAGE, "the spool knows no such command");
}

}  // namespace ostler::control
