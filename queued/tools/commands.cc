#include "queued/tools/commands.h"

#include <array>

namespace ostler::tools {
namespace {

constexpr std::array kNouns = {
    Command{"run", &run, "start the suite and keep it running"},
    Command{"stop", &stop, "end a running suite, and wait until it is gone"},
    Command{"check", &check, "read the configuration and say what is wrong with it"},
    Command{"domain", &domain, "whose mail is ours"},
    Command{"user", &user, "who has a mailbox"},
    Command{"alias", &alias, "addresses that lead to others"},
    Command{"dns", &dns, "ask the DNS as the suite does"},
    Command{"status", &status, "say what runs and which listeners answer"},
};

constexpr std::array kPrograms = {
    Command{"newaliases", &newaliases, "check the aliases file and load it"},
};

}  // namespace

std::span<const Command> nouns() {
  return kNouns;
}
std::span<const Command> programs() {
  return kPrograms;
}

}  // namespace ostler::tools
