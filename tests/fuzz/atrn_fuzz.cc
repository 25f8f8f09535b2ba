// ATRN's domains: what was read is domains, and written with commas reads as the same again.
#include <cassert>
#include <cstdint>

#include "libmailcore/smtp/command.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto domains = smtp::parseAtrn(input);
  if (!domains) return 0;
  std::string again;
  for (const std::string& domain : *domains) {
    assert(smtp::isDomain(domain) && domain.find(',') == std::string::npos);
    again += (again.empty() ? "" : ",") + domain;
  }
  assert(domains->size() <= 100 && smtp::parseAtrn(again) == *domains);
  return 0;
}
