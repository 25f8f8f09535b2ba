#include "queued/control/control.h"

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace ostler::control {

namespace {

/// Options that stand alone; every other one is followed by its value.
constexpr std::array kFlags = {std::string_view("--json"), std::string_view("--all"), std::string_view("--empty"),
                               std::string_view("--postfix"), std::string_view("--postfix-json"),
                               std::string_view("--notify"), std::string_view("--senders"), std::string_view("--yes")};

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

bool mayChange(uid_t uid) { return uid == 0 || uid == ::geteuid(); }

ipc::ControlReply refuse(std::uint8_t exitCode, std::string error) {
  ipc::ControlReply reply;
  reply.exitCode = exitCode;
  reply.error = std::move(error);
  return reply;
}

}  // namespace

bool Arguments::has(std::string_view option) const { return std::find(options.begin(), options.end(), option) != options.end(); }

std::string Arguments::value(std::string_view option) const {
  for (const auto& [name, value] : values) {
    if (name == option) return value;
  }
  return {};
}

std::span<const Control::Command> Control::commands() {
  static constexpr std::array kCommands = {
      //      noun       verb            right          handler
      Command{"queue",   "list",         Right::look,   &Control::list},
      Command{"queue",   "summary",      Right::look,   &Control::summary},
      Command{"queue",   "show",         Right::look,   &Control::show},
      Command{"queue",   "wait",         Right::look,   &Control::wait},
      Command{"queue",   "destinations", Right::look,   &Control::destinations},
      Command{"queue",   "verify",       Right::look,   &Control::verify},
      Command{"queue",   "export",       Right::change, &Control::exportContent},
      Command{"queue",   "retry",        Right::change, &Control::retry},
      Command{"queue",   "freeze",       Right::change, &Control::freeze},
      Command{"queue",   "thaw",         Right::change, &Control::thaw},
      Command{"queue",   "hold",         Right::change, &Control::hold},
      Command{"queue",   "release",      Right::change, &Control::release},
      Command{"queue",   "delete",       Right::change, &Control::remove},
      Command{"queue",   "expire",       Right::change, &Control::expire},
      Command{"queue",   "ages",         Right::look,   &Control::ages},
      Command{"queue",   "disable",      Right::change, &Control::disable},
      Command{"queue",   "enable",       Right::change, &Control::enable},
      Command{"queue",   "move",         Right::change, &Control::move},
      Command{"queue",   "edit",         Right::change, &Control::edit},
      Command{"badmail", "list",         Right::look,   &Control::badmailList},
      Command{"badmail", "show",         Right::change, &Control::badmailShow},
      Command{"badmail", "retry",        Right::change, &Control::badmailRetry},
      Command{"badmail", "purge",        Right::change, &Control::badmailPurge},
      Command{"why",     "",             Right::look,   &Control::why},
      Command{"explain", "",             Right::look,   &Control::explain},
  };
  return kCommands;
}

Control::Control(spool::Environment& env, spool::Dispatcher& dispatcher, spool::Questions& questions)
    : env_(env), dispatcher_(dispatcher), questions_(questions) {}

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
    if (command.right == Right::change && !mayChange(uid)) {
      env_.log.warn("control-refused", {{"uid", std::uint64_t{uid}}, {"command", words[0] + " " + std::string(command.verb)}});
      co_return refuse(EX_NOPERM, "only root and the suite's own user may do that");
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
    Reply reply = co_await (this->*command.handler)(std::move(arguments), std::move(request.cursor));
    co_return reply;
  }
  co_return refuse(EX_USAGE, "the spool knows no such command");
}

}  // namespace ostler::control
