// columns.h - the columns of a message that are made once, from its octets, at arrival. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/store/store.h"

namespace ostler::store {

/// What the store keeps of a message beside its octets.
struct PreparedColumns {
  std::uint16_t version = 0;  ///< of the renderer: message::kPreparedVersion
  ContentTraits traits;
  std::string envelope;
  std::string body;
  std::string bodyStructure;
  std::string subject;  ///< decoded and case-folded
  std::string summary;
  std::string messageId;
  std::vector<std::string> references;
};

[[nodiscard]] PreparedColumns prepareColumns(std::string_view content);

/// The message ids that join this message to a thread: its own, the root and the parent it names. RFC 5256 3 (REFERENCES), RFC 8474 5.2.
[[nodiscard]] std::vector<std::string_view> threadKeys(const PreparedColumns& columns);

}  // namespace ostler::store
