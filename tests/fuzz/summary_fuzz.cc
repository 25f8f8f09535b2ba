// Any octets unpack to views inside them or to nothing; a text taken alone is the one that unpacking all gives.
#include <cstdint>
#include <cstdlib>

#include "libmailcore/store/summary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  using ostler::store::SummaryView;
  constexpr std::string_view SummaryView::* kSome[] = {&SummaryView::searchFrom, &SummaryView::searchBcc, &SummaryView::references};
  const auto view = ostler::store::unpackSummary(octets);
  for (const auto text : kSome) {
    const std::string_view alone = ostler::store::summaryText(octets, text);
    if (view && alone != (*view).*text) std::abort();
    if (!alone.empty() && (alone.data() < octets.data() || alone.data() + alone.size() > octets.data() + size)) std::abort();
  }
  if (view && (view->searchFrom.size() > size || view->references.size() > size)) std::abort();
  return 0;
}
