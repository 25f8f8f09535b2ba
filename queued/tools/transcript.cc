// transcript.cc - ostler transcript start|list|stop: sessions written down line by line in smtpd's log, with secrets left out.
#include <sysexits.h>

#include "queued/tools/common.h"

namespace ostler::tools {

int transcript(const Call& call) {
  CommonOptions options;
  std::string client, user, lasts;
  CLI::App app("Writes down what a client and smtpd say to each other, in smtpd's log (event transcript). Passwords and content are left out.");
  app.require_subcommand(1)->fallthrough();
  addConfigOption(app, options);
  addJsonOption(app, options);
  CLI::App* const start = app.add_subcommand("start", "sessions that begin from now on, and of a user from the login on");
  CLI::App* const list = app.add_subcommand("list", "what is being written down");
  CLI::App* const stop = app.add_subcommand("stop", "end these, or all");
  for (CLI::App* const verb : {start, stop}) {
    verb->add_option("--client", client, "a client's address, or a network")->type_name("ADDRESS");
    verb->add_option("--user", user, "who logs in")->type_name("ADDRESS");
  }
  start->add_option("--for", lasts, "how long; 10m unless said, 24h at most")->type_name("DURATION");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  const char* const verb = start->parsed() ? "start" : list->parsed() ? "list" : "stop";
  std::vector<std::string> words = {"transcript", verb};
  for (const auto& [option, value] : {std::pair{"--client", client}, {"--user", user}, {"--for", lasts}}) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  }
  if (options.json) words.emplace_back("--json");
  return askAndPrint(*config, "control", std::move(words));
}

}  // namespace ostler::tools
