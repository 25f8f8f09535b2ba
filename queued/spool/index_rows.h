// index_rows.h - what the schedule index's tables hold: a row of states for each message, and the transcripts of its last attempts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "queued/spool/message.h"

namespace ostler::spool {

/// One message, but for what its record in the journal has. `Text`: std::string, or std::string_view into what it was read from.
template <class Text>
struct BasicStateRow {
  struct Recipient {
    RecipientState state = RecipientState::pending;
    std::uint32_t attempts = 0;
    WallTime due{};
    Text lastReply;
    template <class V>
    void fields(V& v) {
      v(state, attempts, due, lastReply);
    }
  };
  std::uint64_t segment = 0, offset = 0, size = 0;
  std::uint32_t contentOffset = 0;
  WallTime arrived{};
  Hold hold = Hold::none;
  bool large = false;
  bool delayTold = false;
  bool grown = false;
  std::vector<Recipient> recipients;
  WallTime expiresAt{};
  Text movedTo;
  WallTime giveBackAt{};  ///< the epoch: never
  Text filed;             ///< places it is filed under, kFiledPlace octets each: what is to be taken away when it ends
  template <class V>
  void fields(V& v) {
    v(segment, offset, size, contentOffset, arrived, hold, large, delayTold, grown, recipients, expiresAt, movedTo, giveBackAt, filed);
  }
};
using StateRow = BasicStateRow<std::string>;
using StateView = BasicStateRow<std::string_view>;

/// As start-up has it: what was said last stays in the row.
[[nodiscard]] Message messageOf(const Id128& id, const StateView& row);
/// What memory has let go of is missing in it, and where it is filed.
[[nodiscard]] StateRow rowOf(const Message& message);

struct Transcripts {
  std::vector<Transcript> all;
  template <class V>
  void fields(V& v) {
    v(all);
  }
};

}  // namespace ostler::spool
