// streams.h - what tests of streams begin with.
#pragma once

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "libmailcore/net/stream.h"
#include "libmailcore/net/tls.h"
#include "tests/unit/libmailcore/net/test_certificates.h"

namespace ostler::net {

inline Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

inline std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> socketPair(Loop& loop) {
  std::array<int, 2> fds{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {makeSocketStream(loop, UniqueFd(fds[0])), makeSocketStream(loop, UniqueFd(fds[1]))};
}

inline TlsClientOptions clientOf(const TestCertificates& certificates, std::string name) {
  TlsClientOptions options;
  options.serverName = std::move(name);
  options.context = TlsClientContext::load(certificates.caFile()).value();
  return options;
}

}  // namespace ostler::net
