// environment.h - Environment: what every part of the role works on. Made once in spool.cc, handed to each part.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"
#include "libmailcore/log/log.h"
#include "libmailcore/message/dsn_words.h"
#include "queued/deliver/local.h"
#include "queued/schedule/scheduler.h"
#include "queued/spool/directory_client.h"
#include "queued/spool/history.h"
#include "queued/spool/large_files.h"
#include "queued/spool/ledger.h"
#include "queued/spool/measured.h"
#include "queued/spool/queue.h"
#include "queued/spool/senders.h"
#include "queued/spool/under_way.h"
#include "queued/spool/verifier.h"

namespace ostler::spool {

/// One loop. Outlives every part.
struct Environment {
  Loop& loop;
  const Clock& clock;
  Pool& disk;  ///< for what blocks: large files, reading back, pickup, drop, badmail
  log::Log log;
  std::shared_ptr<const config::Config> config;  ///< the snapshot in force; a reload replaces it
  Ledger& ledger;
  Queue& queue;
  schedule::Scheduler& scheduler;
  DirectoryClient& directory;
  deliver::LocalDelivery& mailboxes;
  const LargeFiles& large;
  History& history;
  Senders& senders;    ///< what users have sent
  Verifier& verifier;  ///< who is there in domains that other servers carry
  Measured& measured;
  UnderWay& underWay;
  std::vector<message::DsnWords> words{};  ///< the languages of reports; a reload replaces them

  [[nodiscard]] WallTime now() const { return clock.now(); }
  /// It is done, and written down within milliseconds; see Ledger::note().
  void note(const AnyRecord& record) {
    ledger.note(record);
    queue.apply(record);
  }
  /// `grown`: the message as they make it.
  void note(std::span<const ExpansionRecord> expansions, const MessageRecord& grown) {
    for (const ExpansionRecord& expansion : expansions) ledger.note(expansion);
    queue.apply(expansions, grown);
  }
};

}  // namespace ostler::spool
