#include "queued/tools/commands.h"

#include <array>

namespace ostler::tools {
namespace {

constexpr std::array kNouns = {
    Command{"setup", &setup, "write a working configuration for a domain, and start"},
    Command{"run", &run, "start the suite and keep it running"},
    Command{"stop", &stop, "end a running suite, and wait until it is gone"},
    Command{"check", &check, "read the configuration and say what is wrong with it"},
    Command{"domain", &domain, "whose mail is ours"},
    Command{"user", &user, "who has a mailbox"},
    Command{"alias", &alias, "addresses that lead to others"},
    Command{"mailbox", &mailbox, "check, rebuild, import and export stored mail"},
    Command{"queue", &queue, "look at the queue and change it"},
    Command{"explain", &explain, "why mail from A to B is taken or not, and where it goes"},
    Command{"why", &why, "what became of a message, also after it has left"},
    Command{"badmail", &badmail, "what could be neither delivered nor returned"},
    Command{"etrn", &etrn, "ask a server that keeps our mail to send it now"},
    Command{"backup", &backup, "copy users, mail and queue while the suite runs"},
    Command{"restore", &restore, "put a backup back"},
    Command{"transcript", &transcript, "write down what chosen clients and smtpd say to each other"},
    Command{"log", &log, "follow a message through all daemons"},
    Command{"dns", &dns, "ask the DNS as the suite does"},
    Command{"doctor", &doctor, "look at everything that mail depends on"},
    Command{"status", &status, "say what runs and which listeners answer"},
};

constexpr std::array kPrograms = {
    Command{"newaliases", &newaliases, "check the aliases file and load it"},
    Command{"mailq", &mailq, "list the queue"},
    Command{"postqueue", &postqueue, "list the queue, try again now"},
    Command{"postsuper", &postsuper, "delete, hold, release, requeue, expire"},
    Command{"postcat", &postcat, "show a queued message"},
    Command{"sendmail", &sendmail, "send a message from standard input"},
};

}  // namespace

std::span<const Command> nouns() {
  return kNouns;
}
std::span<const Command> programs() {
  return kPrograms;
}

}  // namespace ostler::tools
