// queue.cc - ostler queue: look at the queue of the running suite and change it; ostler explain: why mail goes where it goes.
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "queued/tools/common.h"
#include "queued/tools/in_force.h"
#include "queued/tools/salvage.h"
#include "queued/tools/simulate.h"
#include "queued/tools/top.h"

namespace ostler::tools {
namespace {

constexpr const char* kQueueHelp =
    "ostler queue VERB [-c FILE] [--json]\n"
    "  summary                            how much waits, for monitors: one JSON object\n"
    "  list     [--sender A] [--recipient A] [--destination DOMAIN]   what waits\n"
    "  show     ID...                     one message with its recipients\n"
    "  retry    ID...|ALL|--destination DOMAIN [--release-now]   try now; what its sender holds back until later (RFC 4865) goes\n"
    "                                     with --release-now alone\n"
    "  freeze, thaw    ID...|--destination DOMAIN|--sender A|--route DOMAIN|--all   stop delivery and let it go on; time goes on\n"
    "  hold, release   ID...|--destination DOMAIN|--all   the same, but held messages do not expire\n"
    "  delete   ID...|ALL [--notify]      take out of the queue; nobody is told, or the sender with --notify\n"
    "  move     ID... --to HOST[:PORT]|mx|route   another next hop, whatever the routes say; `route`: theirs again\n"
    "  edit     ID... --expiry DURATION   when it is given up, from now\n"
    "  disable, enable [--yes]            all mail to other hosts; mail for mailboxes here flows on\n"
    "  expire   ID...                     end now and tell the sender\n"
    "  export   ID                        the message's octets\n"
    "  wait     --id ID|--empty [--timeout SECONDS]\n"
    "  ages     [--senders]               how many wait, by domain and minutes of age\n"
    "  top      [--once]                  what goes out and what waits, and why\n"
    "  salvage  --to FOLDER               what can be read of a stopped spool's journal, a file each\n"
    "  destinations                       next hops with state, waiting, window\n"
    "  holds                              what is laid on destinations, senders and routes\n"
    "  simulate [--domain DOMAIN [--at HH:MM] [--server NAME]|--id ID]   when a message to a host that never answers is tried, told\n"
    "                                     of, given up; --server: the virtual server by which it came\n"
    "  verify                             read every message, report damage\n";

int exportMessage(const config::Config& config, std::vector<std::string> words) {
  bool isFirst = true;
  const auto print = [&isFirst](const std::string& output) {
    if (std::exchange(isFirst, false)) return;  // the envelope; `show` prints it
    const auto page = nlohmann::json::parse(output, nullptr, false);
    if (page.is_discarded()) return;
    const Result<std::string> octets = decodeBase64(page.value("octets", std::string()));
    if (octets) std::fwrite(octets->data(), 1, octets->size(), stdout);
  };
  return ask(config, "control", std::move(words), print, Deadline::after(std::chrono::seconds(60)));
}

std::string valueAfter(const std::vector<std::string>& words, std::string_view option) {
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    if (words[at] == option) return words[at + 1];
  }
  return {};
}

/// All outbound mail stands still until somebody enables it again: that is asked for.
bool isConfirmed(std::vector<std::string>& words) {
  if (std::erase(words, "--yes") > 0) return true;
  if (::isatty(STDIN_FILENO) == 0) {
    fmt::print(stderr, "ostler queue disable: stops all mail to other hosts; say --yes\n");
    return false;
  }
  fmt::print(stderr, "Stop all mail to other hosts until `ostler queue enable`? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

}  // namespace

int queue(const Call& call) {
  CommonOptions options;
  CLI::App app("Looks at the queue and changes it.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.allow_extras();
  app.footer(kQueueHelp);
  if (const auto exit = parse(app, call)) return *exit;
  std::vector<std::string> words = app.remaining();
  if (words.empty()) {
    fmt::print(stderr, "{}", kQueueHelp);
    return EX_USAGE;
  }
  const bool asksNobody = words[0] == "simulate" || words[0] == "salvage";
  const auto config = asksNobody ? loadConfig(options) : configToAsk(options.config);
  if (!config) return EX_CONFIG;
  words.insert(words.begin(), "queue");
  if (options.json) words.emplace_back("--json");
  if (words[1] == "simulate") return simulate(*config, {valueAfter(words, "--domain"), valueAfter(words, "--id"), valueAfter(words, "--at"), valueAfter(words, "--server")});
  if (words[1] == "top" && options.json) return askAndPrint(*config, "control", {"queue", "destinations", "--json"});
  if (words[1] == "top") return top(*config, std::find(words.begin(), words.end(), "--once") != words.end());
  if (words[1] == "salvage") return salvage(*config, valueAfter(words, "--to"));
  if (words[1] == "disable" && !isConfirmed(words)) return EX_USAGE;
  if (words[1] == "export") return exportMessage(*config, std::move(words));
  const auto timeout = parseDecimal(valueAfter(words, "--timeout"), 86'400).value_or(60);
  return askAndPrint(*config, "control", std::move(words), Deadline::after(std::chrono::seconds(timeout + 15)));
}

int explain(const Call& call) {
  CommonOptions options;
  std::string from, to, client, helo, user, server;
  std::uint64_t size = 0, hops = 0;
  CLI::App app("Explains, from the running suite: may this sender send to this recipient, and where does the mail go.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_option("--from", from, "the reverse-path; empty: <>")->type_name("ADDRESS");
  app.add_option("--to", to, "the forward-path")->required()->type_name("ADDRESS");
  app.add_option("--client", client, "the client's address; default: a stranger's")->type_name("IP");
  app.add_option("--helo", helo, "what the client calls itself")->type_name("NAME");
  app.add_option("--auth", user, "who is logged in")->type_name("USER");
  app.add_option("--server", server, "the virtual server it comes to; default: the first")->type_name("NAME");
  app.add_option("--size", size, "the message's octets")->type_name("N");
  app.add_option("--hops", hops, "how many servers it came by: its Received fields")->type_name("N");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = configToAsk(options.config);
  if (!config) return EX_CONFIG;
  std::vector<std::string> words = {"explain", "--from",   from,   "--to",   to,                   "--client", client,              "--helo", helo,
                                    "--auth",  user, "--server", server, "--size", std::to_string(size), "--hops", std::to_string(hops)};
  if (options.json) words.emplace_back("--json");
  return askAndPrint(*config, "control", std::move(words));
}

}  // namespace ostler::tools
