#include "imapd/search/thread.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace ostler::imap {
namespace {

using Place = std::size_t;  // of a node
constexpr Place kNone = std::numeric_limits<Place>::max();
constexpr std::size_t kDeepest = 10'000;  // beyond it messages are not linked: a stranger may refer in circles

/// A message, or a dummy: one that is referred to and not here.
struct Node {
  const ThreadMessage* message = nullptr;
  Place parent = kNone;
  std::vector<Place> children;
};

class Forest {
 public:
  Place add(const ThreadMessage* message) {
    nodes_.push_back({message, kNone, {}});
    return nodes_.size() - 1;
  }
  Node& operator[](Place at) { return nodes_[at]; }
  const Node& operator[](Place at) const { return nodes_[at]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  void link(Place parent, Place child) {
    nodes_[child].parent = parent;
    nodes_[parent].children.push_back(child);
  }
  void unlink(Place child) {
    const Place parent = nodes_[child].parent;
    if (parent == kNone) return;
    auto& siblings = nodes_[parent].children;
    siblings.erase(std::find(siblings.begin(), siblings.end(), child));
    nodes_[child].parent = kNone;
  }
  /// Would the child be above its own parent?
  [[nodiscard]] bool makesLoop(Place parent, Place child) const {
    if (parent == child) return true;
    if (nodes_[child].children.empty()) return false;
    std::size_t steps = 0;
    for (Place at = parent; at != kNone; at = nodes_[at].parent) {
      if (at == child || ++steps > kDeepest) return true;
    }
    return false;
  }
  /// A dummy has what its first child has.
  [[nodiscard]] const ThreadMessage* shown(Place at) const {
    while (nodes_[at].message == nullptr && !nodes_[at].children.empty()) at = nodes_[at].children.front();
    return nodes_[at].message;
  }
  void sortByDate(std::vector<Place>& siblings) const {
    std::sort(siblings.begin(), siblings.end(), [this](Place a, Place b) {
      const ThreadMessage* const one = shown(a);
      const ThreadMessage* const other = shown(b);
      return one->sentMillis != other->sentMillis ? one->sentMillis < other->sentMillis : one->name < other->name;
    });
  }
  /// Every node below `roots`, parents first.
  [[nodiscard]] std::vector<Place> topDown(const std::vector<Place>& roots) const {
    std::vector<Place> order(roots);
    for (std::size_t next = 0; next < order.size(); ++next) {
      const auto& children = nodes_[order[next]].children;
      order.insert(order.end(), children.begin(), children.end());
    }
    return order;
  }
  /// thread-list = "(" (thread-members / thread-nested) ")": an only child follows behind a blank, several in lists of
  /// their own.
  [[nodiscard]] std::string text(const std::vector<Place>& roots) const {
    struct Step {
      Place node;
      bool closes;
    };
    std::string out;
    std::vector<Step> todo;
    const auto lists = [&](const std::vector<Place>& siblings) {
      for (auto at = siblings.rbegin(); at != siblings.rend(); ++at) {
        todo.push_back({*at, true});
        todo.push_back({*at, false});
      }
    };
    lists(roots);
    while (!todo.empty()) {
      const Step step = todo.back();
      todo.pop_back();
      if (step.closes) {
        out += ')';
        continue;
      }
      out += '(';
      Place at = step.node;
      for (; nodes_[at].message != nullptr; at = nodes_[at].children.front()) {
        if (out.back() != '(') out += ' ';
        out += std::to_string(nodes_[at].message->name);
        if (nodes_[at].children.size() != 1) break;
      }
      const auto& children = nodes_[at].children;
      if (children.size() > 1 && nodes_[at].message != nullptr) out += ' ';
      lists(children);
    }
    return out;
  }

 private:
  std::vector<Node> nodes_;
};

// The algorithm's steps by the numbers of RFC 5256 3 (REFERENCES).
class ByReferences {
 public:
  explicit ByReferences(const std::vector<ThreadMessage>& messages) {
    for (const ThreadMessage& message : messages) place(message);  // (1)
    for (Place at = 0; at < forest_.size(); ++at) {                // (2)
      if (forest_[at].parent == kNone) roots_.push_back(at);
    }
    prune();
    sortAll();  // (4), and what a dummy is compared by
    joinSubjects();
    sortAll();  // (6)
  }
  [[nodiscard]] std::string text() const { return forest_.text(roots_); }

 private:
  Place named(const std::string& id) {
    const auto [known, isNew] = byId_.try_emplace(id, kNone);
    if (isNew) known->second = forest_.add(nullptr);
    return known->second;
  }
  // (1): the references hang below each other, the message below the last.
  void place(const ThreadMessage& message) {
    Place own = message.messageId.empty() ? kNone : named(message.messageId);
    if (own == kNone || forest_[own].message != nullptr) own = forest_.add(nullptr);  // no id, or one that another has
    forest_[own].message = &message;
    Place before = kNone;
    for (const std::string& id : message.references) {
      const Place at = named(id);
      if (before != kNone && forest_[at].parent == kNone && !forest_.makesLoop(before, at)) forest_.link(before, at);
      before = at;
    }
    if (before != kNone && forest_.makesLoop(before, own)) return;
    forest_.unlink(own);  // what another message said of its place was cut short
    if (before != kNone) forest_.link(before, own);
  }

  // (3): dummies without children go; those with children give them to their parent, but at the top only an only child.
  void prune() {
    const std::vector<Place> order = forest_.topDown(roots_);
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
      std::vector<Place> kept;
      for (const Place child : forest_[*at].children) keep(child, kept);
      for (const Place child : kept) forest_[child].parent = *at;
      forest_[*at].children = std::move(kept);
    }
    std::vector<Place> kept;
    for (const Place root : roots_) {
      const Node& node = forest_[root];
      const bool isDummy = node.message == nullptr;
      if (isDummy && node.children.empty()) continue;
      kept.push_back(isDummy && node.children.size() == 1 ? node.children.front() : root);
      forest_[kept.back()].parent = kNone;
    }
    roots_ = std::move(kept);
  }
  void keep(Place child, std::vector<Place>& kept) const {
    const Node& node = forest_[child];
    if (node.message != nullptr) return kept.push_back(child);
    kept.insert(kept.end(), node.children.begin(), node.children.end());
  }

  void sortAll() {
    const std::vector<Place> order = forest_.topDown(roots_);
    for (auto at = order.rbegin(); at != order.rend(); ++at) forest_.sortByDate(forest_[*at].children);
    forest_.sortByDate(roots_);
  }

  // (5): threads whose first messages have the same base subject become one.
  void joinSubjects() {
    std::unordered_map<std::string, Place> table;
    for (const Place root : roots_) {
      const ThreadMessage& shown = *forest_.shown(root);
      if (shown.baseSubject.empty()) continue;
      const auto [known, isNew] = table.try_emplace(shown.baseSubject, root);
      const bool better = forest_[known->second].message != nullptr &&
                          (forest_[root].message == nullptr || (isReply(known->second) && !isReply(root)));
      if (!isNew && better) known->second = root;
    }
    std::vector<Place> kept;
    std::unordered_map<Place, Place> joined;  // a root of the table, and the dummy made above it
    for (const Place root : roots_) {
      const auto known = table.find(forest_.shown(root)->baseSubject);
      if (known == table.end() || known->second == root) {
        kept.push_back(root);
      } else {
        join(root, known->second, joined);
      }
    }
    for (Place& root : kept) {
      const auto above = joined.find(root);
      if (above != joined.end()) root = above->second;
    }
    roots_ = std::move(kept);
  }
  void join(Place root, Place first, std::unordered_map<Place, Place>& joined) {
    const auto above = joined.find(first);
    if (above != joined.end()) first = above->second;
    const bool firstIsDummy = forest_[first].message == nullptr;
    if (firstIsDummy && forest_[root].message == nullptr) {
      const std::vector<Place> children = std::move(forest_[root].children);
      for (const Place child : children) forest_.link(first, child);
    } else if (firstIsDummy || (isReply(root) && !isReply(first))) {
      forest_.link(first, root);
    } else {
      const Place dummy = forest_.add(nullptr);
      forest_.link(dummy, first);
      forest_.link(dummy, root);
      joined[first] = dummy;
    }
  }
  [[nodiscard]] bool isReply(Place at) const { return forest_.shown(at)->isReplyOrForward; }

  Forest forest_;
  std::unordered_map<std::string, Place> byId_;
  std::vector<Place> roots_;
};

}  // namespace

std::string threadByReferences(const std::vector<ThreadMessage>& messages) {
  return ByReferences(messages).text();
}

// By subject, then by date; the first of each subject is the parent of all others.
std::string threadBySubject(const std::vector<ThreadMessage>& messages) {
  Forest forest;
  std::vector<Place> order;
  for (const ThreadMessage& message : messages) order.push_back(forest.add(&message));
  forest.sortByDate(order);
  std::unordered_map<std::string, Place> first;
  std::vector<Place> roots;
  for (const Place at : order) {
    const auto [known, isNew] = first.try_emplace(forest[at].message->baseSubject, at);
    if (isNew) {
      roots.push_back(at);
    } else {
      forest.link(known->second, at);
    }
  }
  return forest.text(roots);
}

}  // namespace ostler::imap
