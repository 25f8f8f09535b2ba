// directory_tool.h - what the commands on domains, users and aliases do alike. They change directory.mdb themselves, so
// they work with the daemons up or down; auth sees a change with its next look.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "libmailcore/directory/own/own_directory.h"
#include "queued/tools/common.h"

namespace ostler::tools {

using Edit = directory::OwnDirectory::Edit;

/// sysexits(3) for an error of the directory: 73 there already, 67 no such, 65 not a name, 77 may not, 75 try again, 69
/// will not do.
[[nodiscard]] int exitStatusOf(const Error& error);
/// Prints the error after the command's name; returns its exit status.
int complain(const Call& call, const Error& error);

/// Opens the directory of the configuration, making it if it is not there, and runs `work` with it. What root makes
/// belongs to the suite's user afterwards. Returns the exit status.
int withDirectory(const Call& call, const CommonOptions& options,
                  const std::function<Result<void>(directory::OwnDirectory&, const config::Config&)>& work);

/// "alice@example.test" in two pieces; a bare name is of the default domain. Errors: syntax, notFound (no default
/// domain).
[[nodiscard]] Result<directory::Address> fullAddress(directory::OwnDirectory& directory, const std::string& text);

/// One line of JSON.
void printJson(const nlohmann::json& value);

/// --mailbox-size, --mailbox-messages, --message-size: what was given replaces what is in `limits`.
class LimitOptions {
 public:
  explicit LimitOptions(CLI::App& app);
  [[nodiscard]] Result<void> apply(directory::Limits& limits) const;

 private:
  std::string mailboxSize_;
  std::string messageSize_;
  std::uint64_t mailboxMessages_ = 0;
  CLI::Option* mailboxMessagesOption_;
};
[[nodiscard]] nlohmann::json toJson(const directory::Limits& limits);
[[nodiscard]] std::string toText(const directory::Limits& limits);

}  // namespace ostler::tools
