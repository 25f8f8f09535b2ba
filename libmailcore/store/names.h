// names.h - names of mailboxes and keywords: which are allowed, how they are written, how they compare. Pure.
// RFC 9051 5.1 (mailbox names, INBOX), 2.3.2 (keywords), RFC 5198 (NFC).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/store/store.h"

namespace ostler::store {

inline constexpr char kSeparator = '/';
inline constexpr std::size_t kMaxNameOctets = 480;  ///< a name is a key of the index

/// The one way in which the store writes a mailbox name: NFC, INBOX in capitals. Errors: syntax (not UTF-8, control characters,
/// an empty level), limit.
[[nodiscard]] Result<std::string> canonicalName(std::string_view name);
/// "a/b/c" -> "a", "a/b". Views into `name`.
[[nodiscard]] std::vector<std::string_view> parentsOf(std::string_view name);
/// Is `name` a descendant of `ancestor`?
[[nodiscard]] bool isBelow(std::string_view name, std::string_view ancestor);

/// The six mailboxes of a new account.
struct InitialMailbox {
  const char* name;
  SpecialUse specialUse;
};
inline constexpr InitialMailbox kInitialMailboxes[] = {{"INBOX", SpecialUse::none},   {"Drafts", SpecialUse::drafts},
                                                       {"Sent", SpecialUse::sent},    {"Trash", SpecialUse::trash},
                                                       {"Junk", SpecialUse::junk},    {"Archive", SpecialUse::archive}};

/// Flag bits for names in a mailbox with `keywords`; those missing are appended to it. Errors: limit (kMaxKeywords), syntax.
[[nodiscard]] Result<Flags> resolveFlags(const FlagNames& names, std::vector<std::string>& keywords);
/// Flag bits by name again.
[[nodiscard]] FlagNames namesOf(Flags flags, const std::vector<std::string>& keywords);

/// Adds to `all` what a list of mailboxes shows beside them: parents that are no mailboxes, and names that are subscribed to
/// and gone. Then sorts by name.
void addNamesWithoutMailbox(std::vector<MailboxInfo>& all, const std::vector<std::string>& subscriptions);

}  // namespace ostler::store
