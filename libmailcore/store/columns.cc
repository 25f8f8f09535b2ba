#include "libmailcore/store/columns.h"

#include <algorithm>

#include "libmailcore/store/summary.h"

namespace ostler::store {

PreparedColumns prepareColumns(std::string_view content) {
  message::Prepared from = message::prepare(content);
  PreparedColumns to;
  to.version = from.version;
  to.traits = {.needsDotStuffing = from.facts.needsDotStuffing,
               .binary = from.facts.isBinary,
               .utf8Header = from.hasUtf8Header,
               .bareLineEnds = from.facts.hasBareLineEnds};
  to.summary = packSummary(from);
  to.subject = std::move(from.searchSubject);
  to.envelope = std::move(from.envelope);
  to.body = std::move(from.body);
  to.bodyStructure = std::move(from.bodyStructure);
  to.messageId = std::move(from.messageId);
  to.references = std::move(from.references);
  return to;
}

std::vector<std::string_view> threadKeys(const PreparedColumns& columns) {
  std::vector<std::string_view> keys;
  const auto add = [&keys](std::string_view key) {
    if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  };
  if (!columns.references.empty()) {
    add(columns.references.front());
    add(columns.references.back());
  }
  add(columns.messageId);
  return keys;
}

}  // namespace ostler::store
