#include "queued/tools/sendmail_options.h"

#include <cstdlib>

#include "libmailcore/base/ascii.h"

namespace ostler::tools {

namespace {

/// "never" alone, or some of the others. RFC 3461 4.1.
Result<std::uint8_t> notifyOf(const std::string& words) {
  if (equalsIgnoreCase(words, "never")) return ipc::Recipient::kNotifyNever;
  std::uint8_t notify = ipc::Recipient::kNotifyNever;
  for (const std::string_view word : split(words, ',')) {
    if (equalsIgnoreCase(word, "success")) {
      notify |= ipc::Recipient::kNotifySuccess;
    } else if (equalsIgnoreCase(word, "failure")) {
      notify |= ipc::Recipient::kNotifyFailure;
    } else if (equalsIgnoreCase(word, "delay")) {
      notify |= ipc::Recipient::kNotifyDelay;
    } else {
      return fail(Error::Kind::syntax, "-N " + printable(words) + ": say never, or some of success,failure,delay");
    }
  }
  return notify;
}

Result<ipc::Returned> returnedOf(const std::string& word) {
  if (equalsIgnoreCase(word, "full")) return ipc::Returned::full;
  if (equalsIgnoreCase(word, "hdrs")) return ipc::Returned::headers;
  return fail(Error::Kind::syntax, "-R " + printable(word) + ": say full or hdrs");
}

}  // namespace

Result<Wanted> readSendmailOptions(const std::vector<std::string>& words) {
  Wanted wanted;
  const char* const named = std::getenv("OSTLER_CONFIG");
  wanted.common.config = named != nullptr && *named != '\0' ? named : kUsualConfig;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--") {
      wanted.recipients.insert(wanted.recipients.end(), words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      wanted.recipients.push_back(word);
      continue;
    }
    const auto value = [&]() -> std::string {
      if (word.size() > 2) return word.substr(2);
      return at + 1 < words.size() ? words[++at] : std::string();
    };
    switch (word[1]) {
      case 't': wanted.fromHeader = true; break;
      case 'i': wanted.dotIsContent = true; break;
      case 'b': {
        const std::string mode = value();
        if (mode != "m" && mode != "p" && mode != "s" && mode != "i") return fail(Error::Kind::syntax, "-b" + mode + " is not offered");
        wanted.list = mode == "p";
        wanted.dialogue = mode == "s";
        wanted.aliases = mode == "i";
        break;
      }
      case 'f':
      case 'r':
        wanted.sender = value();
        wanted.senderGiven = true;
        break;
      case 'q': wanted.flush = true; break;  // -q15m, how often a daemon would: once is now
      case 'F': wanted.fullName = value(); break;
      case 'N':
        if (const auto notify = notifyOf(value()); notify) {
          wanted.notify = *notify;
        } else {
          return fail(notify.error());
        }
        wanted.notifyGiven = true;
        break;
      case 'R':
        if (const auto returned = returnedOf(value()); returned) {
          wanted.returned = *returned;
        } else {
          return fail(returned.error());
        }
        break;
      case 'V': wanted.envid = value(); break;
      case 'C': wanted.common.config = value(); break;
      case 'c': wanted.common.config = value(); break;
      case 'o': {
        const std::string option = value();
        if (option == "i") wanted.dotIsContent = true;
        break;
      }
      case 'I': wanted.aliases = true; break;
      case 'A':
      case 'B':
      case 'h':
      case 'O':
      case 'X':
      case 'L':
      case 'p': (void)value(); break;
      default: break;  // -m, -n, -v, -G and what others know: nothing we do depends on them
    }
  }
  return wanted;
}

}  // namespace ostler::tools
