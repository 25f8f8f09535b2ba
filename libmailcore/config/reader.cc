#include "libmailcore/config/reader.h"

#include <algorithm>
#include <set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"
#include "libmailcore/config/schema.h"

namespace ostler::config {
namespace {

/// What a value stands in: for messages.
struct Context {
  const Node& node;
  std::string path;
  Range range;
};

class Reader {
 public:
  using Places = std::map<std::string, Place, std::less<>>;
  Reader(std::string folder, Places& places, std::vector<Problem>& problems) : folder_(std::move(folder)), places_(places), problems_(problems) {}

  /// Fills a record from a map; keys in `except` belong to somebody else.
  template <class Record>
  void readRecord(const Node& node, const std::string& path, Record& record, const std::set<std::string>& except = {}) {
    if (!isMap(node, path)) return;
    readSection(node, path, "", record, except);
  }

 private:
  template <class Record>
  void readSection(const Node& node, const std::string& path, const std::string& inner, Record& record,
                   const std::set<std::string>& except = {}) {
    for (const Entry& entry : node.entries) {
      if (except.contains(entry.key)) continue;
      const std::string key = inner + entry.key;
      const std::string full = path.empty() ? entry.key : path + "." + entry.key;
      places_[full] = entry.place;
      if (const Row<Record>* row = findRow<Record>(key)) {
        const Context context{entry.value, full, row->range};
        std::visit([&](auto&& slot) { put(context, slot); }, row->slot(record));
      } else if (isSection<Record>(key + ".")) {
        if (isMap(entry.value, full)) readSection(entry.value, full, key + ".", record);
      } else {
        unknownKey<Record>(entry, full, inner, except);
      }
    }
  }
  template <class Record>
  static const Row<Record>* findRow(std::string_view key) {
    for (const Row<Record>& row : rows<Record>()) {
      if (row.key == key) return &row;
    }
    return nullptr;
  }
  template <class Record>
  static bool isSection(std::string_view prefix) {
    return std::ranges::any_of(rows<Record>(), [&](const Row<Record>& row) { return row.key.starts_with(prefix); });
  }
  template <class Record>
  void unknownKey(const Entry& entry, const std::string& full, const std::string& inner,
                  const std::set<std::string>& except) {
    std::set<std::string> siblings(except.begin(), except.end());
    for (const Row<Record>& row : rows<Record>()) {
      if (!row.key.starts_with(inner)) continue;
      const std::string_view rest = row.key.substr(inner.size());
      siblings.emplace(rest.substr(0, rest.find('.')));
    }
    std::string text = "unknown key '" + full + "'";
    const std::vector<std::string> known(siblings.begin(), siblings.end());
    if (const std::string near = nearest(entry.key, known); !near.empty()) {
      text += "; did you mean '" + near + "'?";
    } else if (const std::string elsewhere = samePlaceElsewhere(entry.key); !elsewhere.empty()) {
      text += "; did you mean '" + elsewhere + "'?";
    } else {
      text += "; known here:";
      for (const std::string& key : known) text += " " + key;
    }
    error(entry.place, std::move(text));
  }
  /// A key of that very name in another section.
  static std::string samePlaceElsewhere(const std::string& key) {
    for (const KeyInfo& info : describeKeys()) {
      if (info.path.ends_with("." + key)) return info.path;
    }
    return {};
  }

  void error(const Place& place, std::string text) {
    problems_.push_back({Problem::Severity::error, place, std::move(text)});
  }
  bool isMap(const Node& node, const std::string& path) {
    if (node.kind == Node::Kind::map) return true;
    if (node.kind != Node::Kind::null) error(node.place, "'" + path + "' must be a section of keys and values");
    return false;
  }
  bool isList(const Context& c, const char* of) {
    if (c.node.kind == Node::Kind::list) return true;
    error(c.node.place, "'" + c.path + "' must be a list of " + of + ", such as [a, b]");
    return false;
  }
  /// The text of a scalar, or nothing and a problem.
  const std::string* scalar(const Context& c, const char* what) {
    if (c.node.kind == Node::Kind::scalar) return &c.node.text;
    error(c.node.place,
          "'" + c.path + "' must be " + what + (c.node.kind == Node::Kind::null ? "; it has no value" : ""));
    return nullptr;
  }
  template <class T>
  bool inRange(const Context& c, std::uint64_t value, T render) {
    if (value >= c.range.least && value <= c.range.most) return true;
    const std::string most = c.range.most == Range{}.most ? "more" : render(c.range.most);
    error(c.node.place,
          "'" + c.path + "' must be from " + render(c.range.least) + " to " + most + ", not " + c.node.text);
    return false;
  }

  // ---- one function per type of slot ----

  void put(const Context& c, bool* out) {
    const std::string* text = scalar(c, "true or false");
    if (text == nullptr) return;
    for (const auto& [word, value] :
         {std::pair{"true", true}, {"yes", true}, {"on", true}, {"false", false}, {"no", false}, {"off", false}}) {
      if (equalsIgnoreCase(*text, word)) {
        *out = value;
        return;
      }
    }
    error(c.node.place, "'" + c.path + "' must be true or false, not '" + *text + "'");
  }
  template <class Number>
  void putNumber(const Context& c, Number& out) {
    const std::string* text = scalar(c, "a number");
    if (text == nullptr) return;
    const auto value = parseDecimal(*text, std::numeric_limits<Number>::max());
    if (!value) return error(c.node.place, "'" + c.path + "' must be a whole number, not '" + *text + "'");
    if (inRange(c, *value, [](std::uint64_t n) { return std::to_string(n); })) out = static_cast<Number>(*value);
  }
  void put(const Context& c, std::uint64_t* out) { putNumber(c, *out); }
  void put(const Context& c, unsigned* out) { putNumber(c, *out); }
  void put(const Context& c, std::uint16_t* out) { putNumber(c, *out); }
  void put(const Context& c, std::optional<unsigned>* out) {
    if (c.node.kind == Node::Kind::null) return out->reset();
    putNumber(c, out->emplace());
  }
  void put(const Context& c, ByteCount* out) {
    const std::string* text = scalar(c, "a size, such as 25 MiB");
    if (text == nullptr) return;
    const auto value = parseByteCount(*text);
    if (!value) return error(c.node.place, "'" + c.path + "': " + value.error().detail + ", not '" + *text + "'");
    if (inRange(c, value->octets, [](std::uint64_t n) { return toText(ByteCount{n}); })) *out = *value;
  }
  void put(const Context& c, Octets out) {
    ByteCount size{*out.count};
    put(c, &size);
    *out.count = size.octets;
  }
  void put(const Context& c, seconds* out) {
    const std::string* text = scalar(c, "a duration, such as 15m");
    if (text == nullptr) return;
    const auto value = parseDuration(*text);
    if (!value) return error(c.node.place, "'" + c.path + "': " + value.error().detail + ", not '" + *text + "'");
    const auto render = [](std::uint64_t n) { return toText(seconds(n)); };
    if (inRange(c, static_cast<std::uint64_t>(value->count()), render)) *out = *value;
  }
  void put(const Context& c, Rate* out) {
    const std::string* text = scalar(c, "a rate, such as 5/s or 100/10m");
    if (text == nullptr) return;
    const auto value = text->empty() ? Result<Rate>(Rate{}) : parseRate(*text);
    if (!value) return error(c.node.place, "'" + c.path + "': " + value.error().detail + ", not '" + *text + "'");
    *out = *value;
  }
  void put(const Context& c, std::string* out) {
    if (const std::string* text = scalar(c, "text")) *out = *text;
  }
  void put(const Context& c, Path out) {
    const std::string* text = scalar(c, "a path");
    if (text == nullptr) return;
    *out.text = text->empty() || text->front() == '/' ? *text : folder_ + "/" + *text;
  }
  /// The place of a word among those allowed, or nothing and a problem.
  std::optional<std::size_t> wordOf(const Node& node, const std::string& path,
                                    const std::vector<std::string_view>& words) {
    std::string allowed;
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (node.kind == Node::Kind::scalar && equalsIgnoreCase(node.text, words[at])) return at;
      allowed += (at == 0 ? "" : ", ") + std::string(words[at]);
    }
    std::string text = "'" + path + "' must be one of " + allowed;
    if (node.kind == Node::Kind::scalar) text += ", not '" + node.text + "'";
    const std::string near = nearest(node.text, {words.begin(), words.end()});
    error(node.place, text + (near.empty() ? "" : "; did you mean '" + near + "'?"));
    return std::nullopt;
  }
  void put(const Context& c, const Choice& out) {
    if (const auto at = wordOf(c.node, c.path, out.words)) out.set(*at);
  }
  void put(const Context& c, const Words& out) {
    if (!isList(c, "words")) return;
    out.list->clear();
    for (const Node& item : c.node.items) {
      if (const auto at = wordOf(item, c.path, out.allowed)) out.list->emplace_back(out.allowed[*at]);
    }
  }

  template <class T>
  std::optional<T> parsed(const Node& node, const std::string& path, const char* what) {
    const std::string* text = scalar({node, path, {}}, what);
    if (text == nullptr) return std::nullopt;
    const Result<T> value = T::parse(*text);
    if (value) return *value;
    error(node.place, "'" + path + "' must be " + what + ", not '" + *text + "' (" + value.error().detail + ")");
    return std::nullopt;
  }
  template <class T>
  void putParsedList(const Context& c, std::vector<T>& out, const char* one, const char* many) {
    if (!isList(c, many)) return;
    out.clear();
    for (const Node& item : c.node.items) {
      if (auto value = parsed<T>(item, c.path, one)) out.push_back(std::move(*value));
    }
  }
  static constexpr const char* kEndpoint = "an address with a port, such as 192.0.2.1:25 or [::]:25";
  static constexpr const char* kAddress = "an IP address";
  void put(const Context& c, net::Endpoint* out) {
    if (auto value = parsed<net::Endpoint>(c.node, c.path, kEndpoint)) *out = std::move(*value);
  }
  void put(const Context& c, std::optional<net::IpAddress>* out) {
    *out = parsed<net::IpAddress>(c.node, c.path, kAddress);
  }
  void put(const Context& c, std::vector<std::string>* out) {
    if (!isList(c, "text")) return;
    out->clear();
    for (const Node& item : c.node.items) {
      if (const std::string* text = scalar({item, c.path, {}}, "a list of text")) out->push_back(*text);
    }
  }
  void put(const Context& c, std::vector<net::Cidr>* out) {
    putParsedList(c, *out, "a network, such as 192.0.2.0/24", "networks");
  }
  /// What begins with a digit or has a colon is meant as a network.
  void put(const Context& c, ClientList* out) {
    if (!isList(c, "networks and names")) return;
    *out = {};
    for (const Node& item : c.node.items) {
      const std::string* text = scalar({item, c.path, {}}, "a network or a name");
      if (text == nullptr) continue;
      const bool isNetwork = text->find_first_not_of("0123456789./") == std::string::npos || text->find(':') != std::string::npos;
      if (!isNetwork) {
        out->names.push_back(asciiLower(*text));
      } else if (auto network = parsed<net::Cidr>(item, c.path, "a network, such as 192.0.2.0/24")) {
        out->networks.push_back(*network);
      }
    }
  }
  void put(const Context& c, std::vector<net::Endpoint>* out) { putParsedList(c, *out, kEndpoint, "address:port"); }

  /// log.modules: the one map to words.
  void put(const Context& c, std::map<std::string, std::string>* out) {
    if (!isMap(c.node, c.path)) return;
    const std::vector<std::string_view> levels = {"trace", "debug", "info", "warn", "error"};
    for (const Entry& entry : c.node.entries) {
      if (const auto at = wordOf(entry.value, c.path + "." + entry.key, levels)) (*out)[entry.key] = levels[*at];
    }
  }
  template <class T>
  void put(const Context& c, std::map<std::string, std::vector<T>>* out) {
    if (!isMap(c.node, c.path)) return;
    for (const Entry& entry : c.node.entries) {
      put({entry.value, c.path + "." + entry.key, {}}, &(*out)[asciiLower(entry.key)]);
    }
  }
  void put(const Context& c, std::vector<net::IpAddress>* out) { putParsedList(c, *out, kAddress, "addresses"); }

  // ---- records ----

  void put(const Context& c, MailboxService* out) { readRecord(c.node, c.path, *out); }
  void put(const Context& c, RetrySchedule* out) { readRecord(c.node, c.path, *out); }
  void put(const Context& c, std::optional<RetrySchedule>* out) { readRecord(c.node, c.path, out->emplace()); }
  template <class Record>
  void put(const Context& c, std::vector<Record>* out) {
    if (!isList(c, "sections")) return;
    out->clear();
    for (std::size_t at = 0; at < c.node.items.size(); ++at) {
      const Node& item = c.node.items[at];
      Record& record = out->emplace_back();
      setPlace(record, item.place);
      if (item.kind == Node::Kind::map) {
        readRecord(item, c.path + "[" + std::to_string(at) + "]", record);
      } else {
        error(item.place, "'" + c.path + "' must be a list of sections of keys and values");
      }
    }
  }
  template <class Record>
  static void setPlace(Record& record, const Place& place) {
    if constexpr (requires { record.place; }) record.place = place;
  }
  /// smtp's own settings are where every virtual server starts from; without `virtual_servers` they are the one server.
  void put(const Context& c, SmtpSection out) {
    VirtualServer common;
    common.place = c.node.place;
    readRecord(c.node, c.path, common, {"virtual_servers"});
    const Node* servers = c.node.find("virtual_servers");
    if (servers == nullptr) {
      out.servers->push_back(std::move(common));
      return;
    }
    if (!common.listeners.empty()) {
      error(common.listeners.front().place,
            "'smtp.listeners' contradicts 'smtp.virtual_servers': each virtual server has its own listeners");
    }
    if (!isList({*servers, "smtp.virtual_servers", {}}, "sections")) return;
    for (std::size_t at = 0; at < servers->items.size(); ++at) {
      VirtualServer& server = out.servers->emplace_back(common);
      server.listeners.clear();
      server.place = servers->items[at].place;
      server.path = "smtp.virtual_servers[" + std::to_string(at) + "]";
      readRecord(servers->items[at], server.path, server);
    }
  }

  std::string folder_;
  Places& places_;
  std::vector<Problem>& problems_;
};

/// Damerau and Levenshtein's distance: letters added, dropped, changed, and neighbours swapped.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

/// As people see it, "messageSize", "message-size" and "message_size" are one word.
std::string plainKey(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c != '_' && c != '-') out += toAsciiLower(c);
  }
  return out;
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  if (word.size() > 100) return {};
  std::string best;
  std::size_t least = word.size() / 3 + 2;  // further off is no help
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(plainKey(word), plainKey(candidate));
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

void readConfig(const Node& root, const std::string& folder, Config& config, std::vector<Problem>& problems) {
  Reader(folder, config.places, problems).readRecord(root, "", config);
}

}  // namespace ostler::config
