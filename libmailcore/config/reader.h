// reader.h - walks a tree of YAML nodes along the schema and fills the structs. Collects every problem; never stops at
// the first.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/config/yaml.h"

namespace ostler::config {

/// `folder`: what relative paths are below. Config::places gets a row for each key of the tree.
void readConfig(const Node& root, const std::string& folder, Config& config, std::vector<Problem>& problems);
/// Contradictions between values that are right one by one.
void validate(const Config& config, std::vector<Problem>& problems);
/// Of `candidates` the one most like `word`, or nothing if none is near.
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace ostler::config
