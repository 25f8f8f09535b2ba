#include "queued/route/known.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"

namespace ostler::route {

std::set<std::string> parseRecipients(std::string_view text) {
  std::set<std::string> recipients;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line.substr(0, line.find('#')));
    if (!line.empty()) recipients.insert(comparableAddress(line));
  }
  return recipients;
}

Listed isListed(const config::RouteRule& rule, const RecipientFiles& files, std::string_view forwardPath,
                std::string_view tagSeparator) {
  const auto file = files.find(rule.recipientsFile);
  const bool hasFile = !rule.recipientsFile.empty() && file != files.end();
  if (rule.recipients.empty() && rule.recipientsFile.empty()) return Listed::noList;
  const std::string path = comparableAddress(forwardPath);
  const std::size_t at = std::min(path.rfind('@'), path.size());
  const std::string domain = path.substr(at);
  const std::string user = path.substr(0, at);
  const std::size_t tag = tagSeparator.empty() ? std::string::npos : user.find_first_of(tagSeparator);
  const std::string bare = tag == 0 ? user : user.substr(0, tag);
  if (user == "postmaster") return Listed::yes;
  for (const std::string& name : {path, user, bare + domain, bare}) {
    const auto isIt = [&name](const std::string& one) { return isSameAddress(one, name); };
    if (std::any_of(rule.recipients.begin(), rule.recipients.end(), isIt)) return Listed::yes;
    if (hasFile && file->second.contains(name)) return Listed::yes;
  }
  return hasFile || rule.recipientsFile.empty() ? Listed::no : Listed::unreadable;
}

}  // namespace ostler::route
