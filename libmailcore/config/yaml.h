// yaml.h - a configuration file as a tree of nodes that know where they stand. The one place that knows yaml-cpp is
// yaml.cc. Is not: what the nodes mean; see schema.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::config {

struct Entry;

/// One value of a file. Copies.
struct Node {
  enum class Kind { null, scalar, list, map } kind = Kind::null;
  Place place;
  std::string text;            ///< scalar
  std::vector<Node> items;     ///< list
  std::vector<Entry> entries;  ///< map, in the order of the file
  [[nodiscard]] const Node* find(std::string_view key) const;
};

/// One key of a map.
struct Entry {
  std::string key;
  Place place;  ///< of the key
  Node value;
};

/// `file` is what the places name. What is wrong with the text is appended to `problems` (it is no YAML, a key stands twice).
[[nodiscard]] Node parseYaml(const std::string& text, const std::string& file, std::vector<Problem>& problems);
/// Lays `over` on `base`: maps merge, all else replaces. Each value keeps the place it came from.
void merge(Node& base, Node over);

}  // namespace ostler::config
