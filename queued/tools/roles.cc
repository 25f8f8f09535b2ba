#include "queued/tools/roles.h"

#include <sysexits.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "queued/health/probe.h"
#include "queued/tools/common.h"

namespace ostler::tools {

constexpr std::chrono::seconds kRolePatience{5};

nlohmann::json askSpool(const config::Config& config, std::vector<std::string> words) {
  health::Probe control;
  control.address.unixPath = config.socketPath("control");
  control.greets = false;
  if (!health::answers(control)) return {};
  std::string said;
  const auto keep = [&said](const std::string& output) { said += output; };
  if (ask(config, "control", std::move(words), keep, Deadline::after(kRolePatience)) != EX_OK) return {};
  return nlohmann::json::parse(said, nullptr, false);
}

bool mayAskRoles(const config::Config& config) { return ::access(config.socketPath("control").c_str(), W_OK) == 0 || errno != EACCES; }

std::vector<RoleAnswer> askRoles(const config::Config& config) {
  const nlohmann::json said = askSpool(config, {"roles"});
  std::vector<RoleAnswer> all = {{"spool", config.socketPath("control"), said.is_object()}};
  for (const char* const role : {"auth", "out"}) all.push_back({role, config.socketPath(role), said.is_object() && said.value(role, false)});
  return all;
}

}  // namespace ostler::tools
