// session_turn.cc - ATRN: the connection is turned round, and the mail that waits for the client's domains goes out over it. RFC 2645.
// This process carries octets between the client and role out, which speaks: so TLS ends here, and no mail is looked at.
#include <sys/socket.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {


constexpr std::size_t kPiece = 64 * 1024;

struct Ends {
  UniqueFd ours;
  UniqueFd theirs;
};
Result<Ends> makeEnds() {
  int pair[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return fail(Error::Kind::temporary, "socketpair");
  return Ends{UniqueFd(pair[0]), UniqueFd(pair[1])};
}

// What comes from one end goes to the other until either has had enough; `isOver` then tells whoever waits at the other.
struct Carrying {
  const std::chrono::milliseconds patience;
  net::Connection& client;
  net::Connection& sender;
  bool isOver = false;
};
Task<void> carry(Carrying& both, net::Connection& from, net::Connection& to) {
  while (!both.isOver) {
    const Result<std::string_view> some = co_await from.readSome(kPiece, Deadline::after(both.patience));
    if (!some && some.error().kind == Error::Kind::interrupted) continue;  // a drain lets it be finished
    if (!some || some->empty()) break;
    to.write(*some);
    const Result<void> flushed = co_await to.flush(Deadline::after(both.patience));
    if (!flushed) break;
  }
  both.isOver = true;
  both.client.interruptRead();
  both.sender.interruptRead();
}

}  // namespace

Task<smtp::Reply> Session::atrn(std::string_view argument) {
  if (!isAuthenticated()) co_return Reply{530, "5.7.0", "Authentication required"};
  auto domains = smtp::parseAtrn(argument);
  if (!domains) co_return Reply{501, "5.5.4", "ATRN takes domains with commas between, or nothing"};
  // What stands behind it was sent by a client that is about to be a server: RFC 2645 5.2.1 lets nothing follow.
  if (connection_.hasBufferedInput()) co_return Reply{503, "5.5.1", "Nothing may follow ATRN before its reply"};
  Result<Ends> ends = makeEnds();
  if (!ends) co_return Reply{451, "4.3.0", "Unable to process ATRN request now"};
  const Result<ipc::SmtpReply> verdict =
      co_await around_.policy.turnAround({info_, std::move(*domains)}, std::move(ends->theirs), Deadline::after(kPolicyTime));
  if (!verdict) co_return unavailable("atrn", verdict.error());
  Reply reply = toReply(*verdict);
  if (reply.code != 250) co_return reply;
  co_await say(std::move(reply));
  const Result<void> told = co_await connection_.flush(idle());
  end("turned round");
  if (!told) co_return Reply{0, "", ""};
  net::Connection sender(around_.loop, net::makeSocketStream(around_.loop, std::move(ends->ours)));
  Carrying both{around_.carryTime, connection_, sender};
  TaskScope back(around_.loop);
  back.spawn(carry(both, sender, connection_));
  co_await carry(both, connection_, sender);
  const Result<void> over = co_await back.whenIdle(Deadline::after(kPolicyTime));
  (void)over;
  co_return Reply{0, "", ""};  // the client is the server now: the last word was its own
}

}  // namespace ostler::smtpd
