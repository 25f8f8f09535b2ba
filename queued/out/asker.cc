#include "queued/out/asker.h"

#include "libmailcore/ipc/envelope.h"
#include "queued/out/session.h"

namespace ostler::out {
namespace {

constexpr std::size_t kMostHosts = 3;  // whoever asks is waiting: RFC 5321 4.5.3.2.3 gives it five minutes

ipc::SmtpReply wordOf(const smtp::Reply& reply) {
  return {static_cast<std::uint16_t>(reply.code), reply.enhanced, reply.text};
}

// One session for the one question.
Task<ipc::AskedRecipient> askAt(Loop& loop, std::shared_ptr<const Settings> settings, ipc::AskRecipient request, Host host,
                                net::Endpoint to, TlsPolicy tls) {
  ipc::AskedRecipient out;
  Opened opened = co_await openSession(loop, settings, request.nextHop, request.heloName, host.name, to, tls, Security::byPolicy);
  if (!opened.session && opened.handshakeFailed && !tls.required) {
    opened = co_await openSession(loop, settings, request.nextHop, request.heloName, host.name, to, tls, Security::clearText);
  }
  out.remoteHost = opened.remoteHost;
  if (!opened.session) {
    out.reply = wordOf(opened.refusal);
    co_return out;
  }
  smtp::Client& client = opened.session->client;
  Result<smtp::Reply> reply = fail(Error::Kind::closed, "not asked");
  if (request.how == ipc::AskRecipient::How::vrfy) {
    reply = co_await client.verify(request.forwardPath);
  } else {
    reply = co_await client.probe(request.forwardPath);
  }
  out.asked = reply.has_value();
  out.reply = reply ? wordOf(*reply) : ipc::SmtpReply{451, "4.4.2", reply.error().detail};
  co_await client.quit();
  co_return out;
}

}  // namespace

Task<ipc::AskedRecipient> askRecipient(Loop& loop, std::shared_ptr<const Settings> settings, ipc::AskRecipient request) {
  ipc::AskedRecipient out;
  if (request.heloName.empty()) request.heloName = settings->hostName;
  const Hosts found = co_await findHosts(settings, request.nextHop);
  out.reply = wordOf(found.refusal);
  std::size_t asked = 0;
  for (const Host& host : found.hosts) {
    const Approach way = co_await approach(settings, request.nextHop, host);
    if (way.endpoints.empty()) out.reply = wordOf(way.refusal);
    for (const net::Endpoint& to : way.endpoints) {
      if (asked++ == kMostHosts) co_return out;
      out = co_await askAt(loop, settings, request, host, to, way.tls);
      if (out.asked) co_return out;
    }
  }
  // What DNS says for certain about the domain is no word about the recipient.
  co_return out;
}

}  // namespace ostler::out
