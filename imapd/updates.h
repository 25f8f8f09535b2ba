// updates.h - what a client is told of changes it did not ask for: EXPUNGE or VANISHED, EXISTS, FLAGS, FETCH. Pure.
// Is not: when; session_select.cc asks the store and calls this between commands and in IDLE.
// RFC 9051 5.2, 7.4.1, 7.5; RFC 7162 3.2.10 (VANISHED), 3.1.4.2 (MODSEQ); RFC 2180 4.1 (expunged by another session).
#pragma once

#include <string>

#include "libmailcore/store/store.h"

#include "imapd/view.h"

namespace ostler::imap {

/// May numbers change now? Not while FETCH, STORE or SEARCH by number runs: RFC 9051 5.5, 7.5.1.
enum class Expunges { now, later };

/// What this client has enabled, as far as it shows in updates.
struct UpdateForm {
  bool modSeq = false;    ///< CONDSTORE: FETCH tells MODSEQ
  bool vanished = false;  ///< QRESYNC: VANISHED instead of EXPUNGE, and FETCH tells UID
};

/// Do these changes need the numbers of the view to be told?
[[nodiscard]] bool needsNumbers(const View& view, const store::Changes& changes);

/// Writes what the client must hear and moves the view to the state of `changes`.
/// REQUIRES: changes since view.modSeq; view.numbers where needsNumbers().
void applyChanges(std::string& out, View& view, const store::Changes& changes, Expunges expunges, UpdateForm form);

/// `* FLAGS (...)` and `* OK [PERMANENTFLAGS (...)]`.
void appendFlagsResponse(std::string& out, const View& view);
/// ` MODSEQ (5)`, ` UID 7` and `FLAGS (...)` of an untagged FETCH.
void appendFlagsFetch(std::string& out, SequenceNumber number, const store::Changes::Row& row,
                      const std::vector<std::string>& keywords, UpdateForm form);

}  // namespace ostler::imap
