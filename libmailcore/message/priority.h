// priority.h - the MT-Priority field, which carries a priority past hosts without MT-PRIORITY. Pure. RFC 6758.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ostler::message {

/// What the header says about the priority.
struct PriorityFields {
  bool any = false;                   ///< there is such a field, good or not
  std::optional<std::int8_t> value;   ///< -9 to 9; of the only field, where that is a good one: RFC 6758 3.1, 5
};
[[nodiscard]] PriorityFields priorityFields(std::string_view content);

/// The message with one MT-Priority field that says this, whatever it had. RFC 6758 3.3.
[[nodiscard]] std::string withPriorityField(std::string_view content, int priority);
[[nodiscard]] std::string withoutPriorityFields(std::string_view content);

}  // namespace ostler::message
