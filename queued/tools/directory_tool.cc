#include "queued/tools/directory_tool.h"

#include <sysexits.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/config/quantity.h"
#include "queued/tools/owner.h"

namespace ostler::tools {

namespace {

/// Files that root has made must be the directory's owner's, or auth cannot open them.
void giveToTheSuite(const config::Config& config) {
  const std::string folder = config.directoryDir();
  const std::optional<Owner> owner = ownerBelow(folder, config);
  if (!owner) return;
  std::error_code error;
  give(folder, *owner);
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) give(entry.path(), *owner);
}

Result<void> setSize(const std::string& text, std::uint64_t& limit) {
  if (text.empty()) return {};
  const Result<ByteCount> size = config::parseByteCount(text);
  if (!size) return fail(size.error());
  limit = size->octets;
  return {};
}

}  // namespace

int exitStatusOf(const Error& error) {
  switch (error.kind) {
    case Error::Kind::exists:
      return EX_CANTCREAT;
    case Error::Kind::notFound:
      return EX_NOUSER;
    case Error::Kind::syntax:
      return EX_DATAERR;
    case Error::Kind::denied:
      return EX_NOPERM;
    case Error::Kind::temporary:
      return EX_TEMPFAIL;
    default:
      return EX_UNAVAILABLE;
  }
}

int complain(const Call& call, const Error& error) {
  fmt::print(stderr, "{}: {}\n", call.name, error.detail);
  return exitStatusOf(error);
}

int withDirectory(const Call& call, const CommonOptions& options,
                  const std::function<Result<void>(directory::OwnDirectory&, const config::Config&)>& work) {
  const std::shared_ptr<const config::Config> config = loadConfig(options);
  if (!config) return EX_CONFIG;
  std::error_code error;
  std::filesystem::create_directories(config->dataDir, error);  // if this fails, opening says so
  const Result<std::unique_ptr<directory::OwnDirectory>> directory =
      directory::OwnDirectory::open(config->directoryDir());
  if (!directory) return complain(call, directory.error());
  giveToTheSuite(*config);
  const Result<void> done = work(**directory, *config);
  return done ? EX_OK : complain(call, done.error());
}

Result<directory::Address> fullAddress(directory::OwnDirectory& directory, const std::string& text) {
  Result<directory::Address> address = directory::parseAddress(text);
  if (!address || !address->domain.empty()) return address;
  const auto standard = directory.defaultDomain();
  if (!standard) return fail(standard.error());
  if (!*standard) return fail(Error::Kind::notFound, "there is no domain yet; add one with `ostler domain add NAME`");
  address->domain = (*standard)->name;
  return address;
}

void printJson(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

LimitOptions::LimitOptions(CLI::App& app) {
  app.add_option("--mailbox-size", mailboxSize_, "how much mail an account may hold, e.g. \"2 GiB\"; 0: unlimited")
      ->type_name("SIZE");
  mailboxMessagesOption_ = app.add_option("--mailbox-messages", mailboxMessages_, "how many messages; 0: unlimited");
  app.add_option("--message-size", messageSize_, "the largest message an account may send; 0: unlimited. Not of what it is sent: that is smtp.limits.message_size")->type_name("SIZE");
}

Result<void> LimitOptions::apply(directory::Limits& limits) const {
  if (mailboxMessagesOption_->count() > 0) limits.mailboxMessages = mailboxMessages_;
  const Result<void> mailbox = setSize(mailboxSize_, limits.mailboxOctets);
  if (!mailbox) return mailbox;
  return setSize(messageSize_, limits.messageSize);
}

nlohmann::json toJson(const directory::Limits& limits) {
  return {{"mailbox_size", limits.mailboxOctets},
          {"mailbox_messages", limits.mailboxMessages},
          {"message_size", limits.messageSize}};
}

std::string toText(const directory::Limits& limits) {
  const auto size = [](std::uint64_t octets) { return octets == 0 ? "unlimited" : config::toText(ByteCount{octets}); };
  return fmt::format("mailbox {}, {} messages, message {}", size(limits.mailboxOctets),
                     limits.mailboxMessages == 0 ? "unlimited" : std::to_string(limits.mailboxMessages),
                     size(limits.messageSize));
}

}  // namespace ostler::tools
