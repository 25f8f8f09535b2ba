// session_trusted.cc - XCLIENT and XFORWARD: what a listed host in front of us says about the client behind it.
// After XCLIENT the session is that client's, with all its checks; XFORWARD is for the log alone.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/xclient.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

using smtp::Reply;

// LOGIN is missing: a login is a token that auth gave, and nobody can say one into being.
const std::vector<std::string_view> kXclient = {"NAME", "ADDR", "PORT", "PROTO", "HELO", "DESTADDR", "DESTPORT"};
const std::vector<std::string_view> kXforward = {"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"};

const smtp::Attribute* find(const std::vector<smtp::Attribute>& attributes, std::string_view name) {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [name](const smtp::Attribute& a) { return a.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

// ADDR and PORT, or DESTADDR and DESTPORT, on top of what is known. False: not an address.
bool readEndpoint(const std::vector<smtp::Attribute>& attributes, const std::string& prefix, std::string& into) {
  Result<net::Endpoint> endpoint = net::Endpoint::parse(into);
  if (!endpoint) endpoint = net::Endpoint{};
  if (const auto* address = find(attributes, prefix + "ADDR"); address && address->value) {
    const Result<net::IpAddress> parsed = net::IpAddress::parse(smtp::bareAddress(*address->value));
    if (!parsed) return false;
    endpoint->address = *parsed;
  }
  if (const auto* port = find(attributes, prefix + "PORT"); port && port->value) {
    const auto number = parseDecimal(*port->value, 65'535);
    if (!number) return false;
    endpoint->port = static_cast<std::uint16_t>(*number);
  }
  into = endpoint->text();
  return true;
}

Reply badAttributes(const Error& error) {
  return {501, "5.5.4", error.kind == Error::Kind::notFound ? "Attribute not known" : "Syntax error in attributes"};
}

}  // namespace

bool Session::listedAsTrusted(std::string_view verb) const {
  const auto& list = equalsIgnoreCase(verb, "XCLIENT") ? server_.xclientFrom : server_.xforwardFrom;
  return std::any_of(list.begin(), list.end(), [this](const net::Cidr& range) { return range.contains(peerAddress_); });
}

Task<smtp::Reply> Session::xclient(std::string_view argument) {
  const auto attributes = smtp::parseAttributes(argument, kXclient);
  if (!attributes) co_return badAttributes(attributes.error());
  const std::string before = info_.client + " " + info_.local;
  std::string client = info_.client;
  std::string local = info_.local;
  if (!readEndpoint(*attributes, "", client) || !readEndpoint(*attributes, "DEST", local)) {
    co_return Reply{501, "5.5.4", "Not an address or port"};
  }
  const auto* const protocol = find(*attributes, "PROTO");
  const bool isSpoken = protocol == nullptr || !protocol->value || equalsIgnoreCase(*protocol->value, "SMTP") || equalsIgnoreCase(*protocol->value, "ESMTP");
  if (!isSpoken) co_return Reply{501, "5.5.4", "PROTO is SMTP or ESMTP"};
  forgetWhatWasHeard();
  info_.client = std::move(client);
  info_.local = std::move(local);
  clientAddress_ = net::Endpoint::parse(info_.client)->address;
  info_.clientName.clear();
  if (const auto* name = find(*attributes, "NAME"); name && name->value) info_.clientName = *name->value;
  if (const auto* helo = find(*attributes, "HELO"); helo && helo->value) info_.helo = *helo->value;
  around_.log.info("xclient", {{"session", info_.session.text()}, {"by", before}, {"client", info_.client}, {"name", info_.clientName}});
  // The session begins again, for the other client: its greeting, and all that is looked at before.
  co_await greet();
  co_return Reply{0, "", ""};
}

Task<smtp::Reply> Session::xforward(std::string_view argument) {
  const auto attributes = smtp::parseAttributes(argument, kXforward);
  if (!attributes) co_return badAttributes(attributes.error());
  forwardedFor_ = smtp::format(*attributes);
  co_return Reply{250, "2.0.0", "OK"};
}

}  // namespace ostler::smtpd
