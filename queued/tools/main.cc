// The command line programs of the suite: looks at the name it was called by, finds the row, runs it.
#include <sysexits.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "queued/tools/commands.h"

namespace {

using namespace ostler::tools;

const Command* find(std::span<const Command> commands, std::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

void help() {
  fmt::print("usage: ostler [-c FILE] COMMAND ...\n\n");
  for (const Command& command : nouns()) fmt::print("  {:<12} {}\n", command.name, command.does);
  fmt::print("\nAlso called by their own names:\n");
  for (const Command& command : programs()) fmt::print("  {:<12} {}\n", command.name, command.does);
  fmt::print("\nEvery command: --help, -c FILE (else OSTLER_CONFIG, else /etc/ostler/ostler.yaml).\n");
}

int dispatch(std::vector<std::string> words) {
  std::vector<std::string> common;  // -c FILE may stand before the noun
  while (words.size() >= 2 && (words[0] == "-c" || words[0] == "--config")) {
    common.insert(common.end(), words.begin(), words.begin() + 2);
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    help();
    return words.empty() ? EX_USAGE : EX_OK;
  }
  if (words[0] == "--version" || words[0] == "version") {
    fmt::print("ostler {}\n", OSTLER_VERSION);
    return EX_OK;
  }
  const Command* command = find(nouns(), words[0]);
  if (command == nullptr) {
    fmt::print(stderr, "ostler: there is no command '{}'; see ostler --help\n", words[0]);
    return EX_USAGE;
  }
  words.erase(words.begin());
  words.insert(words.begin(), common.begin(), common.end());
  return command->run({"ostler " + std::string(command->name), std::move(words)});
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(2), not our death
  const std::string name = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "ostler";
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  try {
    if (const Command* program = find(programs(), name)) return program->run({name, std::move(words)});
    return dispatch(std::move(words));
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", name, e.what());
    return EX_SOFTWARE;
  }
}
