// badmail.cc - ostler badmail: what could be neither delivered nor returned; ostler why: what became of a message.
#include <sysexits.h>

#include <cstdio>

#include <fmt/format.h>

#include "queued/tools/common.h"

namespace ostler::tools {
namespace {

constexpr const char* kHelp =
    "ostler badmail VERB [-c FILE] [--json]\n"
    "  list                               names, sizes and reasons, the oldest first\n"
    "  show   NAME                        the reason and the message\n"
    "  retry  NAME...                     send again, as if just dropped into pickup/\n"
    "  purge  NAME...|--older DAYS|--all  remove\n";

}  // namespace

int badmail(const Call& call) {
  CommonOptions options;
  CLI::App app("Looks after what could be neither delivered nor returned.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.allow_extras();
  app.footer(kHelp);
  if (const auto exit = parse(app, call)) return *exit;
  std::vector<std::string> words = app.remaining();
  if (words.empty()) {
    fmt::print(stderr, "{}", kHelp);
    return EX_USAGE;
  }
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  words.insert(words.begin(), "badmail");
  if (options.json) words.emplace_back("--json");
  return askAndPrint(*config, "control", std::move(words));
}

int why(const Call& call) {
  CommonOptions options;
  std::string id;
  CLI::App app("Tells the recorded life of a message, also after it has left (queue.history says for how long).");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_option("ID", id, "its queue id")->required();
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  std::vector<std::string> words = {"why", id};
  if (options.json) words.emplace_back("--json");
  return askAndPrint(*config, "control", std::move(words));
}

}  // namespace ostler::tools
