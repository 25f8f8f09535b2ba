// sources.h - the texts that make up a configuration: FILE and what lies in conf.d beside it, or a snapshot of them kept as one file.
// A snapshot says what was in force; it names the files that its texts are from, so that places and relative paths are theirs.
// Is not: what the texts mean (yaml.h, reader.h).
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::config {

struct Source {
  std::string file;
  std::string text;
  bool operator==(const Source&) const = default;
};

/// In the order in which they are laid over each other; the first is the configuration file itself, the others are of conf.d. `file` may be
/// a snapshot. What cannot be read is appended to `problems`.
[[nodiscard]] std::vector<Source> readSources(const std::string& file, std::vector<Problem>& problems);

/// A snapshot's content: what readSources() of a file that holds it gives.
[[nodiscard]] std::string snapshotOf(const std::vector<Source>& sources);
/// Pure. `text` is no snapshot, or not a whole one: nothing.
[[nodiscard]] std::vector<Source> sourcesOf(std::string_view snapshot);

}  // namespace ostler::config
