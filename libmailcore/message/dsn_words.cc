#include "libmailcore/message/dsn_words.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"

namespace ostler::message {

const std::vector<std::string_view>& DsnWords::keys() {
  static const std::vector<std::string_view> kKeys = {
      "intro",           "outro",            "queue_id",         "reason",            "said",           "until",
      "failed.subject",  "failed.heading",   "delayed.subject",  "delayed.heading",   "delivered.subject", "delivered.heading",
      "relayed.subject", "relayed.heading",  "expanded.subject", "expanded.heading",  "advice.1.1",     "advice.1.2",
      "advice.1.3",      "advice.1.10",      "advice.2.1",       "advice.2.2",        "advice.2.3",     "advice.3.4",
      "advice.4.1",      "advice.4.4",       "advice.4.6",       "advice.4.7",        "advice.6.7",     "advice.7",
      "advice.other"};
  return kKeys;
}

Result<DsnWords> DsnWords::parse(std::string_view text) {
  DsnWords words;
  std::string* last = nullptr;
  std::size_t number = 0;
  const auto mistake = [&number](const std::string& what) {
    return fail(Error::Kind::syntax, "line " + std::to_string(number) + ": " + what);
  };
  if (!isValidUtf8(text)) return fail(Error::Kind::syntax, "the file is not UTF-8");
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty() || line.starts_with('#')) continue;
    if (line.front() == ' ' || line.front() == '\t') {
      if (last == nullptr) return mistake("there is no key for this text");
      last->append(" ").append(trim(line));
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string_view key = trim(line.substr(0, colon));
    if (colon == std::string_view::npos) return mistake("a line is written as key: text");
    if (std::find(keys().begin(), keys().end(), key) == keys().end()) return mistake("there is no key '" + printable(key) + "'");
    last = &words.texts_[std::string(key)];
    *last = trim(line.substr(colon + 1));
  }
  return words;
}

std::string_view DsnWords::get(std::string_view key, std::string_view english) const {
  const auto found = texts_.find(key);
  return found == texts_.end() || found->second.empty() ? english : std::string_view(found->second);
}

std::string fillIn(std::string_view text, std::string_view name, std::string_view value) {
  const std::string mark = "{" + std::string(name) + "}";
  std::string out;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark)) {
    out.append(text.substr(0, at)).append(value);
    text.remove_prefix(at + mark.size());
  }
  return out.append(text);
}

}  // namespace ostler::message
