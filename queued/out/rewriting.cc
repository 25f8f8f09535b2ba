#include "queued/out/rewriting.h"

#include "libmailcore/message/priority.h"
#include "libmailcore/message/seven_bit.h"
#include "libmailcore/smtp/content_reader.h"

namespace ostler::out {
namespace {

/// It is held in memory twice while it is converted.
constexpr std::uint64_t kMostConverted = 64ULL << 20;

Result<std::string> convert(std::string octets, const Rewriting& rewriting) {
  if (rewriting.toSevenBit) {
    if (message::isSigned(octets)) {
      return fail(Error::Kind::permanent, "the next host takes no 8-bit content, and converting it would break the signature");
    }
    octets = message::toSevenBit(octets, rewriting.header);
  }
  if (rewriting.priority != 0) octets = message::withPriorityField(octets, rewriting.priority);
  return octets;
}

}  // namespace

Rewriting neededFor(const smtp::Capabilities& server, const smtp::Content& content, std::int8_t priority, bool lmtp) {
  Rewriting needed;
  needed.toSevenBit = content.hasEightBit && !server.eightBitMime;
  if (content.utf8Header) needed.header = message::HeaderOctets::asTheyAre;  // RFC 6531: they are the message's
  // What goes into a mailbox is as urgent as it was: the field is for relays.
  if (!server.priority && !lmtp) needed.priority = priority;
  return needed;
}

Task<Result<smtp::Content>> rewrite(Loop& loop, const smtp::Content& content, Rewriting rewriting) {
  if (content.size() > kMostConverted) co_return fail(Error::Kind::permanent, "too large to be converted for a host without 8BITMIME");
  std::string octets = content.prefix;
  smtp::ContentReader reader(loop, content.fd, content.cold);
  for (std::uint64_t at = 0; at < content.length;) {
    const Result<std::string> piece = co_await reader.read(content.offset + at, content.length - at);
    if (!piece) co_return fail(piece.error());
    octets += *piece;
    at += piece->size();
  }
  auto job = [octets = std::move(octets), rewriting]() -> Result<std::string> { return convert(octets, rewriting); };
  Result<std::string> converted = fail(Error::Kind::permanent, "");
  if (content.cold != nullptr) {
    converted = co_await content.cold->run(loop, std::move(job));
  } else {
    converted = job();
  }
  if (!converted) co_return fail(converted.error());
  smtp::Content out;
  out.prefix = std::move(*converted);
  out.cold = content.cold;
  out.hasEightBit = content.hasEightBit && !rewriting.toSevenBit;
  out.binary = content.binary;
  out.utf8Header = content.utf8Header;
  co_return out;
}

}  // namespace ostler::out
