// session_hello.cc - who is it: HELO, EHLO, LHLO, what is offered, STARTTLS. RFC 5321 4.1.1.1; RFC 2033 4.1; RFC 3207.
#include "smtpd/session.h"

namespace ostler::smtpd {

// Whoever says whatever is greeted: a name that does not exist is held against the recipients (RFC 5321 4.1.4), postmaster excepted.
smtp::Reply Session::hello(std::string_view argument, std::string_view protocol) {
  auto name = smtp::parseHelo(argument);
  if (!name) return {501, "5.5.4", std::string(protocol) + " needs a domain or an address literal"};
  beginNewTransaction();
  state_ = greeted;
  info_.helo = std::move(*name);
  return {250, "", hostName()};
}

Task<smtp::Reply> Session::helo(std::string_view argument) {
  Reply reply = hello(argument, "HELO");
  if (reply.isPositive()) extended_ = false;
  co_return reply;
}

Task<smtp::Reply> Session::ehlo(std::string_view argument) {
  Reply reply = hello(argument, isLmtp() ? "LHLO" : "EHLO");
  if (!reply.isPositive()) co_return reply;
  extended_ = true;
  reply.text += offerText(offerTo());
  co_return reply;
}

Task<smtp::Reply> Session::lhlo(std::string_view argument) {
  return ehlo(argument);
}

OfferTo Session::offerTo() const {
  OfferTo to{server_, kind_};
  to.tls = connection_.tls() != nullptr;
  to.startTls = tlsOffered();
  to.mayVerify = mayAsk(server_.vrfy);
  to.mayExpand = mayAsk(server_.expn);
  to.mayStart = mayAsk(server_.etrn);
  to.mayXclient = !overUnix_ && listedAsTrusted("XCLIENT");
  to.mayXforward = !overUnix_ && listedAsTrusted("XFORWARD");
  to.mechanisms = mechanismsOffered();
  to.now = around_.clock.now();
  return to;
}

bool Session::tlsOffered() const {
  return plan_->listener.tls == config::ListenerTls::startTls && snapshot_->tlsFor(*plan_) && !connection_.tls();
}

// RFC 3207 4.2: what was heard in clear text, a stranger may have said.
void Session::forgetWhatWasHeard() {
  beginNewTransaction();
  state_ = connected;
  extended_ = false;
  info_.helo.clear();
  info_.token.clear();
  account_ = {};
}

Task<smtp::Reply> Session::startTls(std::string_view argument) {
  if (!argument.empty()) co_return Reply{501, "5.5.4", "STARTTLS takes no argument"};
  // Commands behind it in the same packet were put there by somebody who cannot speak inside TLS: command injection.
  if (connection_.hasBufferedInput()) {
    leave("text behind STARTTLS");
    co_return Reply{421, "4.5.1", "Nothing may follow STARTTLS before its reply"};
  }
  co_await say({220, "2.0.0", "Ready to start TLS"});
  const Result<void> secured = co_await connection_.startTlsAsServer(snapshot_->tlsFor(*plan_), Deadline::after(around_.handshakeTime));
  if (!secured) {
    end("TLS: " + secured.error().detail);
    co_return Reply{421, "4.7.0", "TLS failed"};
  }
  forgetWhatWasHeard();
  info_.tls = connection_.tls()->text();
  info_.tlsNames = connection_.tls()->peerNames;
  co_return Reply{0, "", ""};  // the handshake was the reply
}

}  // namespace ostler::smtpd
