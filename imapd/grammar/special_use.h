// special_use.h - the attributes of RFC 6154 2 by name, without the backslash.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "libmailcore/base/ascii.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {

inline constexpr std::array<std::pair<store::SpecialUse, std::string_view>, 7> kSpecialUses = {
    {{store::SpecialUse::all, "All"},
     {store::SpecialUse::archive, "Archive"},
     {store::SpecialUse::drafts, "Drafts"},
     {store::SpecialUse::flagged, "Flagged"},
     {store::SpecialUse::junk, "Junk"},
     {store::SpecialUse::sent, "Sent"},
     {store::SpecialUse::trash, "Trash"}}};

[[nodiscard]] inline std::optional<store::SpecialUse> specialUseOf(std::string_view name) {
  for (const auto& [use, known] : kSpecialUses) {
    if (equalsIgnoreCase(known, name)) return use;
  }
  return std::nullopt;
}

/// Empty for none.
[[nodiscard]] inline std::string_view specialUseName(store::SpecialUse wanted) {
  for (const auto& [use, name] : kSpecialUses) {
    if (use == wanted) return name;
  }
  return {};
}

}  // namespace ostler::imap
