// filter.h - which messages a command of the control socket is about, and in what form it wants to see them. Pure.
#pragma once

#include <string>

#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

[[nodiscard]] ListFormat formatOf(const Arguments& arguments);

/// "example.net" of "mx:example.net".
[[nodiscard]] std::string domainIn(const std::string& destination);

/// What the arguments ask for, taken out of them once for many messages. The arguments outlive it.
class Filter {
 public:
  explicit Filter(const Arguments& arguments);
  [[nodiscard]] bool fits(const spool::MessageView& record) const;

 private:
  const Arguments& arguments_;
  std::string sender_;
  std::string recipient_;
  std::string domain_;
};

/// Under what the messages that may fit are filed (see Queue::idsAfter); empty: all of them must be looked at.
[[nodiscard]] std::string filedFor(const Arguments& arguments);

}  // namespace ostler::control
