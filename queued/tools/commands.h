// commands.h - the command line programs as two tables: `ostler NOUN ...`, and the names of other mail systems' tools.
// They are one binary that looks at the name it was called by. A new noun is a new file with one function, and a row in
// commands.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ostler::tools {

/// What a command is given.
struct Call {
  std::string name;                ///< "ostler queue", "mailq": for messages
  std::vector<std::string> words;  ///< what stood after the name
};

/// Returns the exit status: sysexits(3), but for what the command's manual says.
using Run = int (*)(const Call& call);

struct Command {
  std::string_view name;
  Run run;
  std::string_view does;
};

/// `ostler NAME ...`
[[nodiscard]] std::span<const Command> nouns();
/// Called by their own name: mailq, sendmail, ...
[[nodiscard]] std::span<const Command> programs();

// One file each.
int alias(const Call& call);
int badmail(const Call& call);
int backup(const Call& call);
int check(const Call& call);
int dns(const Call& call);
int doctor(const Call& call);
int domain(const Call& call);
int etrn(const Call& call);
int explain(const Call& call);
int log(const Call& call);
int mailbox(const Call& call);
int mailq(const Call& call);
int newaliases(const Call& call);
int postcat(const Call& call);
int postqueue(const Call& call);
int postsuper(const Call& call);
int queue(const Call& call);
int restore(const Call& call);
int run(const Call& call);
int sendmail(const Call& call);
int setup(const Call& call);
int status(const Call& call);
int stop(const Call& call);
int user(const Call& call);
int why(const Call& call);
int transcript(const Call& call);

}  // namespace ostler::tools
