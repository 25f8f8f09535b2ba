// common.h - what all commands do alike: options, the configuration, questions to the daemons.
// Is not: any one command.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"
#include "queued/tools/commands.h"

namespace ostler::tools {

inline constexpr const char* kUsualConfig = "/etc/ostler/ostler.yaml";

struct CommonOptions {
  std::string config;  ///< -c FILE, else OSTLER_CONFIG, else /etc/ostler/ostler.yaml
  bool json = false;
};

/// -c FILE.
void addConfigOption(CLI::App& app, CommonOptions& options);
/// --json.
void addJsonOption(CLI::App& app, CommonOptions& options);
/// Nothing if the words were understood; else the exit status, and help or the mistake has been printed.
[[nodiscard]] std::optional<int> parse(CLI::App& app, const Call& call);

/// The configuration; null after its errors were printed: exit with EX_CONFIG.
[[nodiscard]] std::shared_ptr<const config::Config> loadConfig(const CommonOptions& options);

/// A question to a daemon's control socket: `socket` is "control" (queued's spool) or "auth". Pages that a long answer
/// has are given to `onPage` one after the other, whole lines always. Returns the exit status; errors are printed with what to do. A suite
/// that is not running is EX_UNAVAILABLE.
int ask(const config::Config& config, const std::string& socket, std::vector<std::string> words,
        const std::function<void(const std::string& output)>& onPage, Deadline deadline);
/// The same, printing the output as it comes.
int askAndPrint(const config::Config& config, const std::string& socket, std::vector<std::string> words,
                Deadline deadline = Deadline::after(std::chrono::seconds(30)));

/// A password from `file` ("-": standard input), else typed twice at the terminal without echo. Its line end is taken
/// off. Errors: notFound, syntax (empty, or two different ones), permanent (no terminal).
[[nodiscard]] Result<std::string> readPassword(const std::string& file, const std::string& prompt);

}  // namespace ostler::tools
