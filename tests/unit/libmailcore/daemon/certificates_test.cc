#include "libmailcore/daemon/certificates.h"

#include <catch2/catch.hpp>

#include "libmailcore/net/certificate.h"
#include "tests/unit/libmailcore/net/test_certificates.h"

using namespace ostler;
using namespace ostler::daemon;

TEST_CASE("a certificate is told of from three weeks before its end on, those of virtual servers too, and one that cannot be read is not") {
  net::TestCertificates made;
  config::Config config;
  config.certificates = {made.leaf({"mail.example.test"}), {"/nowhere.pem", "/nowhere.key"}};
  config.virtualServers.emplace_back().certificates = {made.leaf({"other.example.test"})};
  const std::string ours = config.certificates.front().certificate;
  const std::string theirs = config.virtualServers.front().certificates.front().certificate;
  const WallTime end = net::readCertificate(ours, "mail.example.test")->notAfter;
  struct Row {
    std::chrono::hours before;
    std::optional<std::int64_t> days;
  };
  for (const Row& row : {Row{std::chrono::days(22), std::nullopt}, Row{std::chrono::days(21), std::nullopt}, Row{std::chrono::hours(20 * 24 + 23), 20},
                         Row{std::chrono::hours(1), 0}, Row{std::chrono::hours(-1), -1}, Row{std::chrono::days(-30), -30}}) {
    INFO(row.before.count() << " hours before its end");
    std::vector<EndingCertificate> expected;
    if (row.days) expected = {{ours, *row.days}};
    const auto told = certificatesThatEnd(config, end - row.before);
    CHECK(std::count_if(told.begin(), told.end(), [&](const EndingCertificate& one) { return one.file == theirs; }) == (row.days ? 1 : 0));
    CHECK(std::count_if(told.begin(), told.end(), [&](const EndingCertificate& one) { return row.days && one == expected.front(); }) == (row.days ? 1 : 0));
    CHECK(told.size() == (row.days ? 2 : 0));
  }
}
