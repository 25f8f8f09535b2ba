// enhanced_status.h - class.subject.detail: the status codes that replies and delivery reports share.
// RFC 3463 (form and meaning), RFC 5248 (the registry), RFC 2034 (in replies).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ostler::smtp {

struct EnhancedStatus {
  std::uint16_t klass = 2;  ///< 2 success, 4 persistent transient failure, 5 permanent failure
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;

  /// "5.1.1", without leading zeros, three digits at most a part. Nothing for any other text.
  [[nodiscard]] static std::optional<EnhancedStatus> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  /// The registry's words for subject and detail, "Bad destination mailbox address"; empty for one that is not registered.
  [[nodiscard]] std::string_view meaning() const;
  auto operator<=>(const EnhancedStatus&) const = default;
};

}  // namespace ostler::smtp
