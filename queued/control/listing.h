// listing.h - a queued message as text: one line of JSON, our own list, and the formats of Postfix's postqueue. Pure.
#pragma once

#include <string>

#include "queued/spool/message.h"

namespace ostler::control {

enum class ListFormat { text, json, postfix, postfixJson };

/// What is known of a message beside its record.
struct Listed {
  const spool::Message& message;
  const spool::MessageRecord& record;
};

/// "active", "deferred", "held", "frozen".
[[nodiscard]] const char* stateOf(const spool::Message& message);
void appendMessage(std::string& out, const Listed& listed, ListFormat format);
/// What was said in the last attempts; JSON: a line an attempt.
void appendTranscripts(std::string& out, const std::vector<spool::Transcript>& transcripts, ListFormat format);
/// What stands above and below a list; the last line of Postfix's counts.
[[nodiscard]] std::string listHead(ListFormat format);
[[nodiscard]] std::string listFoot(ListFormat format, std::uint64_t octets, std::uint64_t messages);
/// A JSON string with its quotes. What is not UTF-8 comes as U+FFFD.
void appendJson(std::string& out, std::string_view text);
[[nodiscard]] std::string jsonString(std::string_view text);

}  // namespace ostler::control
