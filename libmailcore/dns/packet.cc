#include "libmailcore/dns/packet.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "libmailcore/base/ascii.h"

namespace ostler::dns {
namespace {

constexpr std::uint16_t kSoa = 6;
constexpr std::uint32_t kInternet = 1;
constexpr std::uint32_t kLongestTtl = 7 * 86400;  // RFC 8767 4 speaks of days
constexpr int kMostCnames = 16;

// Reads at a place in the packet; after a failed read ok() is false and all further reads give zeros.
class Cursor {
 public:
  Cursor(std::string_view packet, std::size_t at) : packet_(packet), at_(at) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::string_view take(std::size_t count) {
    if (!ok_ || count > packet_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += count;
    return packet_.substr(at_ - count, count);
  }
  std::uint32_t number(std::size_t octets) {
    std::uint32_t out = 0;
    for (const char c : take(octets)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }
  // RFC 1035 4.1.4. A pointer must point before where it stands, or a packet could make us run for ever.
  std::string name() {
    std::string out;
    std::size_t limit = at_;
    std::optional<std::size_t> resume;
    while (ok_) {
      const std::uint32_t head = number(1);
      if (head == 0) break;
      if (head >= 0xC0) {
        const std::size_t target = (head & 0x3F) << 8 | number(1);
        if (!resume) resume = at_;
        if (target >= limit) ok_ = false;
        at_ = limit = std::min(target, packet_.size());
      } else if (head > 63) {
        ok_ = false;
      } else {
        if (!out.empty()) out += '.';
        appendLabel(out, take(head));
        if (out.size() > 1024) ok_ = false;
      }
    }
    if (resume) at_ = *resume;
    return out;
  }

 private:
  static void appendLabel(std::string& out, std::string_view label) {
    for (const char c : label) {
      if (isAsciiAlnum(c) || c == '-' || c == '_' || c == '*' || c == '/') {
        out += toAsciiLower(c);
      } else {
        const unsigned value = static_cast<unsigned char>(c);
        out += {'\\', static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
                static_cast<char>('0' + value % 10)};
      }
    }
  }
  std::string_view packet_;
  std::size_t at_;
  bool ok_ = true;
};

struct Record {
  std::string owner;
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::size_t dataAt = 0;
  std::string_view data;
};

std::optional<Record> readRecord(Cursor& in) {
  Record record;
  record.owner = in.name();
  record.type = static_cast<std::uint16_t>(in.number(2));
  const bool internet = in.number(2) == kInternet;
  record.ttl = in.number(4);
  if (record.ttl > std::numeric_limits<std::int32_t>::max()) record.ttl = 0;  // RFC 2181 8
  record.ttl = std::min(record.ttl, kLongestTtl);
  const std::uint32_t length = in.number(2);
  record.dataAt = in.at();
  record.data = in.take(length);
  if (!internet) record.type = 0;
  if (!in.ok()) return std::nullopt;
  return record;
}

// A name that is the end of a record's data, from `skip` octets on.
std::optional<std::string> nameIn(std::string_view packet, const Record& record, std::size_t skip) {
  if (record.data.size() < skip) return std::nullopt;
  Cursor in(packet, record.dataAt + skip);
  std::string name = in.name();
  if (!in.ok() || in.at() != record.dataAt + record.data.size()) return std::nullopt;
  return name;
}

std::optional<std::string> joinedStrings(std::string_view data) {
  std::string out;
  Cursor in(data, 0);
  while (in.ok() && in.at() < data.size()) out += in.take(in.number(1));
  if (!in.ok()) return std::nullopt;
  return out;
}

template <std::size_t N>
std::array<unsigned char, N> octetsOf(std::string_view data) {
  std::array<unsigned char, N> out{};
  std::copy_n(data.begin(), N, out.begin());
  return out;
}

// Adds one record of the asked type to the answer. False: its data is not of that type's form.
bool addRecord(Answer& answer, std::string_view packet, const Record& record, Type type) {
  const std::string_view data = record.data;
  switch (type) {
    case Type::a:
      if (data.size() != 4) return false;
      answer.addresses.push_back(net::IpAddress::v4(octetsOf<4>(data)));
      return true;
    case Type::aaaa:
      if (data.size() != 16) return false;
      answer.addresses.push_back(net::IpAddress::v6(octetsOf<16>(data)));
      return true;
    case Type::mx: {
      auto exchange = nameIn(packet, record, 2);
      if (!exchange) return false;
      answer.mx.push_back({static_cast<std::uint16_t>(Cursor(data, 0).number(2)), std::move(*exchange)});
      return true;
    }
    case Type::cname:
    case Type::ptr: {
      auto name = nameIn(packet, record, 0);
      if (!name) return false;
      answer.names.push_back(std::move(*name));
      return true;
    }
    case Type::txt: {
      auto text = joinedStrings(data);
      if (!text) return false;
      answer.texts.push_back(std::move(*text));
      return true;
    }
    case Type::tlsa:
      if (data.size() < 4) return false;
      answer.tlsa.push_back({static_cast<std::uint8_t>(data[0]), static_cast<std::uint8_t>(data[1]),
                             static_cast<std::uint8_t>(data[2]), std::string(data.substr(3))});
      return true;
  }
  return false;
}

bool hasRecords(const Answer& answer) {
  return !(answer.addresses.empty() && answer.mx.empty() && answer.texts.empty() && answer.names.empty() && answer.tlsa.empty());
}

// How long a denial may be believed: the lesser of the SOA's TTL and its MINIMUM. RFC 2308 5.
std::uint32_t denialTtl(std::string_view packet, const std::vector<Record>& authority) {
  for (const Record& record : authority) {
    if (record.type != kSoa) continue;
    Cursor in(packet, record.dataAt);
    (void)in.name();
    (void)in.name();
    (void)in.take(16);
    const std::uint32_t minimum = in.number(4);
    return in.ok() ? std::min(record.ttl, minimum) : 0;
  }
  return 0;
}

/// To the name that the aliases lead to; `ttl` becomes the least of theirs. False: one cannot be read.
bool followAliases(Answer& answer, std::string_view packet, const std::vector<Record>& answers, std::uint32_t& ttl) {
  for (int step = 0; step < kMostCnames; ++step) {
    const auto alias = std::find_if(answers.begin(), answers.end(), [&](const Record& record) {
      return record.type == static_cast<std::uint16_t>(Type::cname) && record.owner == answer.canonicalName;
    });
    if (alias == answers.end()) break;
    auto target = nameIn(packet, *alias, 0);
    if (!target) return false;
    answer.canonicalName = std::move(*target);
    ttl = std::min(ttl, alias->ttl);
  }
  return true;
}

/// What the answer is, by its records and its RCODE (RFC 1035 4.1.1), and for how long.
void conclude(Answer& answer, std::uint32_t rcode, std::uint32_t denialTtl, std::uint32_t ttl) {
  constexpr std::uint32_t kNxdomain = 3;
  if (rcode == 0 && hasRecords(answer)) {
    answer.status = Status::insecure;
    answer.ttl = std::chrono::seconds(ttl);
  } else if (rcode == 0 || rcode == kNxdomain) {
    answer.status = rcode == 0 ? Status::nodata : Status::nxdomain;
    answer.ttl = std::chrono::seconds(denialTtl);
  } else {
    answer.status = Status::tempfail;
    answer.why = "RCODE " + std::to_string(rcode);
    answer.ttl = std::chrono::seconds(0);
  }
}

}  // namespace

Result<Answer> parsePacket(std::string_view packet, Type type) {
  const auto bad = [] { return fail(Error::Kind::syntax, "DNS packet: malformed"); };
  Cursor in(packet, 0);
  (void)in.number(2);
  const std::uint32_t flags = in.number(2);
  const std::uint32_t questions = in.number(2);
  const std::uint32_t answerCount = in.number(2);
  const std::uint32_t authorityCount = in.number(2);
  (void)in.number(2);
  if (!in.ok() || questions != 1) return bad();
  Answer answer;
  answer.canonicalName = in.name();
  const std::uint32_t asked = in.number(2);
  (void)in.number(2);
  if (!in.ok() || asked != static_cast<std::uint32_t>(type)) return bad();

  std::vector<Record> answers;
  std::vector<Record> authority;
  for (std::uint32_t i = 0; i < answerCount + authorityCount; ++i) {
    auto record = readRecord(in);
    if (!record) return bad();
    (i < answerCount ? answers : authority).push_back(std::move(*record));
  }

  std::uint32_t ttl = kLongestTtl;
  if (type != Type::cname && !followAliases(answer, packet, answers, ttl)) return bad();
  for (const Record& record : answers) {
    if (record.type != static_cast<std::uint16_t>(type) || record.owner != answer.canonicalName) continue;
    if (!addRecord(answer, packet, record, type)) return bad();
    ttl = std::min(ttl, record.ttl);
  }
  conclude(answer, flags & 15, std::min(ttl, denialTtl(packet, authority)), ttl);
  return answer;
}

}  // namespace ostler::dns
