// postfix.cc - mailq, postqueue, postsuper, postcat: the words administrators' hands know, for our queue. Same flags, same formats
// where Postfix has them; queue ids are ours, 26 characters.
#include <sysexits.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "queued/tools/common.h"
#include "queued/tools/in_force.h"

namespace ostler::tools {
namespace {

Deadline aMinute() { return Deadline::after(std::chrono::seconds(60)); }

/// `-d -`: ids from standard input, one a line.
std::vector<std::string> idsOf(const std::vector<std::string>& words) {
  std::vector<std::string> ids;
  for (const std::string& word : words) {
    if (word != "-") {
      ids.push_back(word);
      continue;
    }
    for (std::string line; std::getline(std::cin, line);) {
      if (const std::string_view id = trim(line); !id.empty()) ids.emplace_back(id);
    }
  }
  return ids;
}

struct Flag {
  const char* flag;
  const char* verb;
  const char* queues;  ///< what ALL means when no queue is named; empty: all of them
  const char* done;
  const char* help;
};
constexpr Flag kSuper[] = {
    {"-d", "delete", "", "Deleted", "delete messages"},
    {"-h", "hold", "incoming,active,deferred", "Placed on hold", "put messages on hold"},
    {"-H", "release", "hold", "Released from hold", "release held messages"},
    {"-r", "retry", "", "Requeued", "requeue messages: tried again now"},
    {"-e", "expire", "", "Expired", "return messages to their senders now"},
};

/// Of Postfix; the last two are always empty here.
constexpr const char* kQueues[] = {"hold", "incoming", "active", "deferred", "maildrop", "corrupt"};

/// Of those that were named, or of all, the queues that the flag is about: none held is held once more. Nothing: none of them is.
std::optional<std::string> queuesOfAll(const Flag& flag, const std::vector<std::string>& named) {
  if (named.empty()) return flag.queues;
  std::string both;
  for (const std::string& name : named) {
    const bool isMeant = *flag.queues == '\0' || std::ranges::count(split(flag.queues, ','), name) > 0;
    if (isMeant) both += (both.empty() ? "" : ",") + name;
  }
  return both.empty() ? std::nullopt : std::optional(both);
}

/// One verb of the queue for ids; Postfix counts what it did on standard error and passes over ids that are gone.
int change(const config::Config& config, const Flag& flag, const std::vector<std::string>& ids, const std::vector<std::string>& queues) {
  std::uint64_t count = 0;
  int status = EX_OK;
  const auto add = [&count](const std::string& output) {
    const auto reply = nlohmann::json::parse(output, nullptr, false);
    if (!reply.is_object()) return;
    for (const auto& [key, value] : reply.items()) {
      if (key != "held" && value.is_number_unsigned()) count += value.get<std::uint64_t>();
    }
  };
  for (const std::string& id : ids) {
    std::vector<std::string> words = {"queue", flag.verb, id};
    const std::optional<std::string> in = id == "ALL" ? queuesOfAll(flag, queues) : fmt::format("{}", fmt::join(queues, ","));
    if (!in) continue;
    if (!in->empty()) words.push_back("--queue=" + *in);
    const int one = ask(config, "control", words, add, aMinute());
    if (one != EX_OK && one != EX_DATAERR) return one;
    if (one != EX_OK) status = one;
  }
  if (count > 0) fmt::print(stderr, "postsuper: {}: {} message{}\n", flag.done, count, count == 1 ? "" : "s");
  return status == EX_DATAERR && count > 0 ? EX_OK : status;
}

/// As ctime(3) has it.
std::string momentOf(std::int64_t unixSeconds) {
  const std::time_t seconds = unixSeconds;
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &broken)};
}

/// With the line ends of a file: what is shown here goes through grep.
void printLines(std::string_view octets) {
  while (!octets.empty()) {
    const std::size_t end = std::min(octets.find("\r\n"), octets.size());
    std::fwrite(octets.data(), 1, end, stdout);
    if (end < octets.size()) std::fputc('\n', stdout);
    octets.remove_prefix(std::min(end + 2, octets.size()));
  }
}

}  // namespace

int mailq(const Call& call) {
  CommonOptions options;
  CLI::App app("Lists the queue.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  bool verbose = false;
  app.add_flag("-v", verbose, "as Postfix's and sendmail's take it: nothing more is shown");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = configToAsk(options.config);
  if (!config) return EX_CONFIG;
  return askAndPrint(*config, "control", {"queue", "list", options.json ? "--json" : "--postfix"}, aMinute());
}

int postqueue(const Call& call) {
  CommonOptions options;
  bool print = false, json = false, flush = false;
  std::string id, site;
  CLI::App app("The queue, in Postfix's words.");
  addConfigOption(app, options);
  app.add_flag("-p", print, "list the queue");
  app.add_flag("-j", json, "list the queue as JSON, one message a line");
  app.add_flag("-f", flush, "try everything now, but for what its sender holds back until later (RFC 4865)");
  app.add_option("-i", id, "try one message now; of one that its sender holds back `ostler queue retry ID --release-now` does")->type_name("ID");
  app.add_option("-s", site, "try what is for a domain now")->type_name("DOMAIN");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = configToAsk(options.config);
  if (!config) return EX_CONFIG;
  const auto quietly = [](const std::string&) {};
  if (json) return askAndPrint(*config, "control", {"queue", "list", "--postfix-json"}, aMinute());
  if (print) return askAndPrint(*config, "control", {"queue", "list", "--postfix"}, aMinute());
  if (flush) return ask(*config, "control", {"queue", "retry", "--all"}, quietly, aMinute());
  if (!id.empty()) return ask(*config, "control", {"queue", "retry", id}, quietly, aMinute());
  if (!site.empty()) return ask(*config, "control", {"queue", "retry", "--destination", site}, quietly, aMinute());
  fmt::print(stderr, "usage: postqueue [-c FILE] -p | -j | -f | -i ID | -s DOMAIN\n");
  return EX_USAGE;
}

int postsuper(const Call& call) {
  CommonOptions options;
  std::vector<std::vector<std::string>> ids(std::size(kSuper));
  std::vector<std::string> queues;
  CLI::App app("Changes messages in the queue, in Postfix's words. ID may be ALL, or - to read ids from standard input.");
  app.set_help_flag("--help", "Print this help message and exit");  // -h is hold
  addConfigOption(app, options);
  for (std::size_t at = 0; at < std::size(kSuper); ++at) {
    app.add_option(kSuper[at].flag, ids[at], kSuper[at].help)->type_name("ID")->expected(1)->take_all()->allow_extra_args(false);
  }
  app.add_option("QUEUE", queues, "only what lies in these queues")->check(CLI::IsMember(std::vector<std::string>(std::begin(kQueues), std::end(kQueues))));
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = configToAsk(options.config);
  if (!config) return EX_CONFIG;
  int status = EX_USAGE;
  for (std::size_t at = 0; at < std::size(kSuper); ++at) {
    if (ids[at].empty()) continue;
    status = change(*config, kSuper[at], idsOf(ids[at]), queues);
    if (status != EX_OK) return status;
  }
  if (status == EX_USAGE) fmt::print(stderr, "usage: postsuper [-c FILE] [-d ID] [-h ID] [-H ID] [-r ID] [-e ID] [QUEUE ...]\n");
  return status;
}

int postcat(const Call& call) {
  CommonOptions options;
  bool queueIds = false, body = false, header = false, envelope = false;
  std::vector<std::string> ids;
  CLI::App app("Shows messages of the queue.");
  app.set_help_flag("--help", "Print this help message and exit");  // -h is the header
  addConfigOption(app, options);
  app.add_flag("-q", queueIds, "the words are queue ids (always so)");
  app.add_flag("-b", body, "show the body");
  app.add_flag("-h", header, "show the header");
  app.add_flag("-e", envelope, "show the envelope");
  app.add_option("ID", ids)->required();
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = configToAsk(options.config);
  if (!config) return EX_CONFIG;
  const bool all = !body && !header && !envelope;
  for (const std::string& id : ids) {
    nlohmann::json about;
    std::string content;
    const auto take = [&](const std::string& output) {
      const auto page = nlohmann::json::parse(output, nullptr, false);
      if (page.is_object() && page.contains("octets")) {
        content += decodeBase64(page["octets"].get<std::string>()).value_or("");
      } else {
        about = page;
      }
    };
    const int status = ask(*config, "control", {"queue", "export", id}, take, aMinute());
    if (status != EX_OK) return status;
    const std::size_t headerEnd = content.find("\r\n\r\n");
    if (all || envelope) {
      fmt::print("*** ENVELOPE RECORDS {} ***\nmessage_size: {}\nmessage_arrival_time: {}\nsender: {}\n", id, content.size(),
                 momentOf(about.value("arrived", std::int64_t{0})), about.value("from", std::string()));
      for (const auto& recipient : about.value("recipients", nlohmann::json::array())) {
        const bool waits = recipient.value("state", std::string("pending")) == "pending";
        fmt::print("{}: {}\n", waits ? "recipient" : "done_recipient", recipient.value("to", std::string()));
      }
    }
    if (all) fmt::print("*** MESSAGE CONTENTS {} ***\n", id);
    std::fflush(stdout);
    if (all || (header && body)) {
      printLines(content);
    } else if (header) {
      printLines(std::string_view(content).substr(0, headerEnd == std::string::npos ? content.size() : headerEnd + 2));
    } else if (body && headerEnd != std::string::npos) {
      printLines(std::string_view(content).substr(headerEnd + 4));
    }
    if (all) fmt::print("*** HEADER EXTRACTED {} ***\n*** MESSAGE FILE END {} ***\n", id, id);
  }
  return EX_OK;
}

}  // namespace ostler::tools
