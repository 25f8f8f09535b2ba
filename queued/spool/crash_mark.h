// crash_mark.h - a mark that this process leaves when a fault of memory ends it (SIGBUS, SIGSEGV, SIGABRT).
// A damaged LMDB file has no checksums: it is found by the processor alone, and would end the process again and again. By the mark the
// next start knows to do without what can be made anew, or be done without.
#pragma once

#include <string>

namespace ostler::spool {

/// Once a process, before it looks at such a file. Afterwards the signal does what it does without us.
void markCrashesIn(const std::string& queueDir);

/// Was there one? It is gone then.
[[nodiscard]] bool takeCrashMark(const std::string& queueDir);

}  // namespace ostler::spool
