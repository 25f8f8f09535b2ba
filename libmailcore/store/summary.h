// summary.h - the `summary` column of a message: what SEARCH, SORT and THREAD ask of a header, packed into one string. The
// subject, which is asked for most, is a column of its own.
// RFC 9051 6.4.4 (SEARCH keys), RFC 5256 (sort keys, threads), RFC 5957 (display sort keys).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/message/prepared.h"

namespace ostler::store {

/// A packed summary laid open. Views point into what was unpacked. The texts are those of message::Prepared.
struct SummaryView {
  bool isReplyOrForward = false;
  bool hasSentDate = false;
  std::int64_t sentMillis = 0;
  std::int32_t sentDay = 0;
  std::uint64_t headerLength = 0;  ///< octets, the empty line included: where BODY[TEXT] starts
  std::uint64_t lines = 0;
  std::string_view searchFrom;
  std::string_view searchTo;
  std::string_view searchCc;
  std::string_view searchBcc;
  std::string_view baseSubject;
  std::string_view sortFrom;
  std::string_view sortTo;
  std::string_view sortCc;
  std::string_view displayFrom;
  std::string_view displayTo;
  std::string_view messageId;
  std::string_view references;  ///< oldest first, separated by LF, without angle brackets
};

[[nodiscard]] std::string packSummary(const message::Prepared& prepared);
/// Nothing if it is not a summary (empty, damaged).
[[nodiscard]] std::optional<SummaryView> unpackSummary(std::string_view packed);
/// One text alone, for a search that asks 100,000 messages for theirs; empty if it is not a summary.
[[nodiscard]] std::string_view summaryText(std::string_view packed, std::string_view SummaryView::* text);

}  // namespace ostler::store
