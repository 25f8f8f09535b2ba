#include "libmailcore/ipc/wire.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"

using namespace ostler;

namespace {

struct Moment {
  WallTime at;
  template <class V>
  void fields(V& v) {
    v(at);
  }
};

}  // namespace

TEST_CASE("wire: a time that the clock cannot hold is refused, not wrapped round") {
  CHECK(ipc::decode<Moment>(ipc::encode(Moment{fromUnixMillis(1'790'000'000'123)}))->at == fromUnixMillis(1'790'000'000'123));
  CHECK_FALSE(ipc::decode<Moment>(std::string("\xff\xff\xff\xff\xff\x00\x3b\x21", 8)));
  CHECK_FALSE(ipc::decode<Moment>(std::string("\x00\x00\x00\x00\x00\x00\x00\x80", 8)));
}

TEST_CASE("wire: a frame that is cut short or has something left over is no message") {
  const std::string body = ipc::encode(ipc::WhoIs{"token"});
  CHECK(ipc::decode<ipc::WhoIs>(body)->token == "token");
  for (std::size_t at = 0; at < body.size(); ++at) CHECK_FALSE(ipc::decode<ipc::WhoIs>(body.substr(0, at)));
  CHECK_FALSE(ipc::decode<ipc::WhoIs>(body + "x"));
}
