#include "libmailcore/config/yaml.h"

#include <yaml-cpp/yaml.h>

namespace ostler::config {
namespace {

constexpr unsigned kMostDepth = 20;  ///< far more than the schema has; ends self-referring aliases

Place placeOf(const YAML::Mark& mark, const std::string& file) {
  return {file, static_cast<unsigned>(mark.line + 1), static_cast<unsigned>(mark.column + 1)};
}

class Converter {
 public:
  Converter(const std::string& file, std::vector<Problem>& problems) : file_(file), problems_(problems) {}

  Node convert(const YAML::Node& from, Place fallback, unsigned depth = 0) {
    Node node;
    node.place = from.Mark().is_null() ? std::move(fallback) : placeOf(from.Mark(), file_);
    if (depth > kMostDepth) {
      problems_.push_back({Problem::Severity::error, node.place, "nested too deeply"});
      return node;
    }
    if (from.IsScalar()) {
      node.kind = Node::Kind::scalar;
      node.text = from.Scalar();
    } else if (from.IsSequence()) {
      node.kind = Node::Kind::list;
      for (const YAML::Node& item : from) node.items.push_back(convert(item, node.place, depth + 1));
    } else if (from.IsMap()) {
      node.kind = Node::Kind::map;
      for (const auto& pair : from) addEntry(node, pair.first, pair.second, depth);
    }
    return node;
  }

 private:
  void addEntry(Node& map, const YAML::Node& key, const YAML::Node& value, unsigned depth) {
    const Place place = placeOf(key.Mark(), file_);
    if (!key.IsScalar()) {
      problems_.push_back({Problem::Severity::error, place, "a key must be a word"});
      return;
    }
    if (const Node* before = map.find(key.Scalar())) {
      problems_.push_back(
          {Problem::Severity::error, place,
           "'" + key.Scalar() + "' stands here a second time; the first is at " + before->place.text()});
      return;
    }
    map.entries.push_back({key.Scalar(), place, convert(value, place, depth + 1)});
  }
  const std::string& file_;
  std::vector<Problem>& problems_;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Node parseYaml(const std::string& text, const std::string& file, std::vector<Problem>& problems) {
  const Place top{file, 1, 1};
  try {
    Node node = Converter(file, problems).convert(YAML::Load(text), top);
    if (node.kind == Node::Kind::null) node.kind = Node::Kind::map;  // an empty file says nothing, and that is fine
    if (node.kind != Node::Kind::map)
      problems.push_back({Problem::Severity::error, node.place, "the file must be a map of keys to values"});
    return node;
  } catch (const YAML::Exception& e) {
    problems.push_back(
        {Problem::Severity::error, e.mark.is_null() ? top : placeOf(e.mark, file), "this is not YAML: " + e.msg});
  }
  return {};
}

void merge(Node& base, Node over) {
  if (base.kind == Node::Kind::map && over.kind == Node::Kind::null)
    return;  // a section with all its keys commented out
  if (base.kind != Node::Kind::map || over.kind != Node::Kind::map) {
    base = std::move(over);
    return;
  }
  for (Entry& entry : over.entries) {
    Entry* there = nullptr;
    for (Entry& known : base.entries) {
      if (known.key == entry.key) there = &known;
    }
    if (there == nullptr) {
      base.entries.push_back(std::move(entry));
    } else {
      there->place = std::move(entry.place);
      merge(there->value, std::move(entry.value));
    }
  }
}

}  // namespace ostler::config
