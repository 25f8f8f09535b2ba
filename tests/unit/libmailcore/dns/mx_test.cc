#include "libmailcore/dns/mx.h"

#include <catch2/catch.hpp>

#include "libmailcore/dns/fixed_resolver.h"
#include "libmailcore/dns/tlsa.h"

namespace ostler::dns {
namespace {

using namespace std::chrono_literals;
using Verdict = MailHosts::Verdict;

std::uint64_t last(std::uint64_t bound) { return bound - 1; }
std::uint64_t firstOfThree(std::uint64_t bound) { return bound == 3 ? 0 : bound - 1; }

MailHosts find(FixedResolver& dns, const std::string& domain) {
  Loop loop;
  return loop.runUntilDone(findMailHosts(dns, domain, last, Deadline::after(5s))).value();
}

TEST_CASE("mail hosts come by preference, equal ones as chance will have it") {
  const std::vector<Mx> some{{20, "c"}, {10, "a"}, {10, "b"}, {5, "z"}};
  CHECK(inOrder(some, last) == std::vector<Mx>{{5, "z"}, {10, "a"}, {10, "b"}, {20, "c"}});
  CHECK(inOrder(some, firstOfThree) == std::vector<Mx>{{5, "z"}, {10, "b"}, {10, "a"}, {20, "c"}});
}

TEST_CASE("a backup MX sends only to hosts that are better than itself: RFC 5321 5.1") {
  const auto isSelf = [](const std::string& name) { return name == "me"; };
  CHECK(withoutSelf({{5, "a"}, {10, "me"}, {10, "b"}, {20, "c"}}, isSelf) == std::vector<Mx>{{5, "a"}});
  CHECK(withoutSelf({{10, "me"}, {20, "c"}}, isSelf).empty());
  CHECK(withoutSelf({{10, "a"}, {65535, "me"}}, isSelf) == std::vector<Mx>{{10, "a"}});
  CHECK(withoutSelf({{65535, "a"}}, isSelf).size() == 1);
}

TEST_CASE("what the DNS says about a domain decides what becomes of its mail") {
  FixedResolver dns;
  dns.addMx("two.example", 20, "mx2.two.example");
  dns.addMx("two.example", 10, "mx1.two.example");
  dns.addMx("null.example", 0, "");
  dns.addMx("nullandmore.example", 0, "");
  dns.addMx("nullandmore.example", 10, "mx.example");
  dns.addAddress("implicit.example", "192.0.2.1");
  dns.addText("texts.example", "only");
  dns.setStatus("broken.example", Type::mx, Status::tempfail);
  dns.setStatus("bogus.example", Type::mx, Status::bogus);
  dns.setStatus("half.example", Type::mx, Status::nodata);
  dns.setStatus("half.example", Type::a, Status::tempfail);
  CHECK(find(dns, "two.example").hosts == std::vector<Mx>{{10, "mx1.two.example"}, {20, "mx2.two.example"}});
  CHECK(find(dns, "null.example").verdict == Verdict::nullMx);
  CHECK(find(dns, "nullandmore.example").hosts == std::vector<Mx>{{10, "mx.example"}});
  CHECK(find(dns, "implicit.example").hosts == std::vector<Mx>{{0, "implicit.example"}});
  CHECK(find(dns, "nowhere.example").verdict == Verdict::noDomain);
  CHECK(find(dns, "texts.example").verdict == Verdict::noHost);
  CHECK(find(dns, "broken.example").verdict == Verdict::tryLater);
  CHECK(find(dns, "bogus.example").verdict == Verdict::bogus);
  CHECK(find(dns, "half.example").verdict == Verdict::tryLater);
}

TEST_CASE("addresses of both families are tried in turn, IPv6 first") {
  FixedResolver dns;
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"}) dns.addAddress("h.example", address);
  Loop loop;
  const HostAddresses found = loop.runUntilDone(findAddresses(dns, "h.example", Deadline::after(5s))).value();
  std::string all;
  for (const auto& address : found.addresses) all += address.text() + " ";
  CHECK(all == "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3 ");
}

TEST_CASE("TLSA records that mail cannot use ask for encryption alone, bogus ones for patience") {
  const net::TlsaRecord good{3, 1, 1, std::string(32, 'x')};
  Answer answer{.status = Status::secure, .authenticated = true, .tlsa = {good}};
  CHECK(daneVerdict(true, answer) == DaneVerdict::dane);
  CHECK(daneVerdict(false, answer) == DaneVerdict::none);
  answer.tlsa = {{1, 1, 1, good.data}, {3, 1, 1, "short"}, {3, 2, 1, good.data}, {2, 0, 3, good.data}};
  CHECK(daneVerdict(true, answer) == DaneVerdict::encrypt);
  answer.status = Status::bogus;
  CHECK(daneVerdict(true, answer) == DaneVerdict::tryLater);
  answer.status = Status::tempfail;
  CHECK(daneVerdict(true, answer) == DaneVerdict::tryLater);
  answer.status = Status::nxdomain;
  CHECK(daneVerdict(true, answer) == DaneVerdict::none);
  CHECK(tlsaName("mx.example", 25) == "_25._tcp.mx.example");
}

}  // namespace
}  // namespace ostler::dns
