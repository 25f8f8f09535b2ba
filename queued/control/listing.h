// listing.h - a queued message as text: one line of JSON, our own list, and the formats of Postfix's postqueue. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "queued/schedule/destination.h"
#include "queued/spool/line_reasons.h"
#include "queued/spool/message.h"

namespace ostler::control {

/// What is said of a message whose record cannot be read.
inline constexpr std::string_view kRecordLost = "its record cannot be read: ostler queue salvage, or delete";

enum class ListFormat { text, json, postfix, postfixJson };

/// What is known of a message beside its record.
struct Listed {
  const spool::Message& message;
  const spool::MessageView& record;
  const spool::LineReasons& lines;
};

/// The machine's local time in words. What is listed lies close together: words that were found are kept, and the zone's rules are
/// asked once for each minute. What they return is valid until the next call.
class LocalTimes {
 public:
  /// 2026-11-22 09:05:00
  [[nodiscard]] std::string_view date(WallTime time) { return words("%Y-%m-%d %H:%M:%S", dates_, time); }
  /// Sun Nov 22 09:05:00
  [[nodiscard]] std::string_view ctime(WallTime time) { return words("%a %b %e %H:%M:%S", ctimes_, time); }

 private:
  struct Words {
    std::time_t of = -1;
    std::size_t length = 0;
    std::array<char, 64> text{};
  };
  struct Minute {
    std::time_t of = -1;
    std::tm broken{};
  };
  using Kept = std::array<Words, 64>;  ///< by seconds
  [[nodiscard]] std::string_view words(const char* form, Kept& kept, WallTime time);
  Kept dates_;
  Kept ctimes_;
  std::array<Minute, 16> minutes_;  ///< by minutes
};

/// "active", "retry", "frozen", "held", "asleep".
[[nodiscard]] const char* nameOf(schedule::DestinationState state);
/// In which of Postfix's queues it would lie: "hold", "active", "deferred".
[[nodiscard]] std::string_view postfixQueueOf(const spool::Message& message);
/// "active", "deferred", "held", "frozen".
[[nodiscard]] const char* stateOf(const spool::Message& message, const spool::LineReasons& lines);
/// Adds recipients from `first` on, until `out` has `most` octets; 0: the message from its beginning. Returns the recipient to go on
/// with; none: the message is there to its end.
std::optional<std::size_t> appendMessage(std::string& out, const Listed& listed, ListFormat format, LocalTimes& times, std::size_t first = 0,
                                         std::size_t most = SIZE_MAX);
/// What ends a message of which the rest is not there any more.
[[nodiscard]] std::string_view messageFoot(ListFormat format);
/// What was said in the last attempts; JSON: a line an attempt.
void appendTranscripts(std::string& out, const std::vector<spool::Transcript>& transcripts, ListFormat format);
/// What stands above and below a list; the last line of Postfix's counts.
[[nodiscard]] std::string listHead(ListFormat format);
[[nodiscard]] std::string listFoot(ListFormat format, std::uint64_t octets, std::uint64_t messages);
/// A JSON string with its quotes. What is not UTF-8 comes as U+FFFD.
void appendJson(std::string& out, std::string_view text);
[[nodiscard]] std::string jsonString(std::string_view text);

}  // namespace ostler::control
