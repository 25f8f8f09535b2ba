// measured.h - what the spool measures of itself, for monitors: how long messages take, and the disk.
#pragma once

#include "libmailcore/journal/disk.h"
#include "libmailcore/metrics/histogram.h"

namespace ostler::spool {

struct Measured {
  metrics::Histogram deliveries;  ///< from arrival to each recipient's delivery
  metrics::Histogram syncs;       ///< fdatasync of the journal
};

/// The disk, with a stop-watch at its syncs. Any thread. `measured` outlives it.
class MeasuringDisk final : public journal::Disk {
 public:
  explicit MeasuringDisk(Measured& measured) : measured_(measured) {}
  [[nodiscard]] Result<void> syncData(int fd) const override {
    const auto began = std::chrono::steady_clock::now();
    Result<void> synced = Disk::syncData(fd);
    measured_.syncs.add(std::chrono::steady_clock::now() - began);
    return synced;
  }

 private:
  Measured& measured_;
};

}  // namespace ostler::spool
