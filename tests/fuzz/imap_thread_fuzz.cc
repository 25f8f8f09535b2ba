// THREAD on any references: nothing crashes or turns in circles, and every message is named once, whoever refers to
// whom.
#include <cassert>
#include <cctype>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "imapd/search/thread.h"

using namespace ostler::imap;

namespace {

std::multiset<std::string> namesIn(const std::string& lists) {
  std::multiset<std::string> names;
  std::string name;
  for (const char c : lists) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      name += c;
    } else if (!name.empty()) {
      names.insert(std::exchange(name, {}));
    }
  }
  return names;
}

}  // namespace

// Four octets a message: its id, two references, and its date, subject and whether it is a reply.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<ThreadMessage> messages;
  for (; size >= 4 && messages.size() < 200; data += 4, size -= 4) {
    ThreadMessage& message = messages.emplace_back();
    message.name = static_cast<std::uint32_t>(messages.size());
    if (data[0] != 0) message.messageId = std::to_string(data[0]);
    for (int at = 1; at < 3; ++at) {
      if (data[at] != 0) message.references.push_back(std::to_string(data[at]));
    }
    message.sentMillis = data[3] & 3;
    message.isReplyOrForward = (data[3] & 4) != 0;
    if ((data[3] & 8) != 0) message.baseSubject = std::to_string(data[3] >> 4);
  }
  for (const std::string& lists : {threadByReferences(messages), threadBySubject(messages)}) {
    const std::multiset<std::string> names = namesIn(lists);
    assert(names.size() == messages.size());
    assert(std::set<std::string>(names.begin(), names.end()).size() == messages.size());
  }
  return 0;
}
