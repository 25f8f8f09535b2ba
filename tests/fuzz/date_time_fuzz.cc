// A date that was read is the same after it was written and read again, in each of the forms.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/date_time.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto date = parseDateTime(text)) assert(parseDateTime(formatDateTime(date->time, date->zone)) == date);
  if (const auto date = parseInternalDate(text))
    assert(parseInternalDate(formatInternalDate(date->time, date->zone)) == date);
  if (const auto day = parseImapDate(text)) assert(parseImapDate(formatImapDate(*day)) == day);
  return 0;
}
