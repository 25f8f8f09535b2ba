#include "libmailcore/directory/directory.h"

#include <array>

namespace ostler::directory {

namespace {
constexpr std::array<std::string_view, 4> kKindNames = {"own", "system", "sql", "ldap"};
}

std::string_view nameOf(Kind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind));
}

std::optional<Kind> kindNamed(std::string_view name) {
  for (std::size_t at = 0; at < kKindNames.size(); ++at) {
    if (kKindNames[at] == name) return static_cast<Kind>(at);
  }
  return std::nullopt;
}

}  // namespace ostler::directory
