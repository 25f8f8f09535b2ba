// subject.h - the base subject: what is left of a subject without "Re:", "Fwd:", "[list]" and "(fwd)". RFC 5256 2.1.
#pragma once

#include <string>
#include <string_view>

namespace ostler::message {

struct BaseSubject {
  std::string text;               ///< UTF-8, white space collapsed; compare with caseFold()
  bool isReplyOrForward = false;  ///< anything of the kind was taken off: RFC 5256 3
  bool operator==(const BaseSubject&) const = default;
};

/// `decoded`: the subject with its encoded-words decoded. Linear.
[[nodiscard]] BaseSubject baseSubject(std::string_view decoded);

}  // namespace ostler::message
