#include "queued/out/questions.h"

#include <algorithm>

#include "libmailcore/base/random.h"
#include "libmailcore/dns/mx.h"
#include "libmailcore/dns/name.h"

namespace ostler::out {
namespace {

using LookedState = ipc::LookedUp::State;
constexpr std::chrono::seconds kQuestionTime{8};  // a client waits for the answer
constexpr std::size_t kMostNames = 5;  // of one address: some have hundreds, and nobody needs them all

ipc::LookedUp only(LookedState state) { return {state, ""}; }

// The address's name, when that name leads back to the address: anybody may call an address anything. RFC 5321 4.1.4.
Task<ipc::LookedUp> clientName(std::shared_ptr<const Settings> settings, net::IpAddress address, Deadline deadline) {
  const Result<dns::Answer> names = co_await settings->resolver->lookup(address.reversePointerName(), dns::Type::ptr, deadline);
  if (!names || (!names->found() && !names->absent())) co_return only(LookedState::later);
  bool unsure = false;
  for (std::size_t at = 0; at < std::min(names->names.size(), kMostNames); ++at) {
    const dns::Type type = address.isV4() ? dns::Type::a : dns::Type::aaaa;
    const Result<dns::Answer> back = co_await settings->resolver->lookup(names->names[at], type, deadline);
    if (!back || (!back->found() && !back->absent())) unsure = true;
    const bool confirmed = back && std::find(back->addresses.begin(), back->addresses.end(), address) != back->addresses.end();
    if (confirmed) co_return ipc::LookedUp{LookedState::yes, names->names[at]};
  }
  co_return only(unsure ? LookedState::later : LookedState::no);
}

Task<ipc::LookedUp> mailDomain(std::shared_ptr<const Settings> settings, std::string domain, Deadline deadline) {
  const Result<dns::MailHosts> found = co_await dns::findMailHosts(*settings->resolver, domain, &randomBelow, deadline);
  if (!found) co_return only(LookedState::later);
  switch (found->verdict) {
    case dns::MailHosts::Verdict::hosts:
      co_return only(LookedState::yes);
    case dns::MailHosts::Verdict::nullMx:
      co_return only(LookedState::nullMx);
    case dns::MailHosts::Verdict::noDomain:
    case dns::MailHosts::Verdict::noHost:
      co_return only(LookedState::no);
    case dns::MailHosts::Verdict::bogus:
    case dns::MailHosts::Verdict::tryLater:
      co_return only(LookedState::later);
  }
  co_return only(LookedState::later);
}

}  // namespace

Task<Result<ipc::LookedUp>> lookUp(std::shared_ptr<const Settings> settings, ipc::LookUp question) {
  const Deadline deadline = Deadline::after(std::min<std::chrono::milliseconds>(settings->dnsTimeout, kQuestionTime));
  if (question.what == ipc::LookUp::What::clientName) {
    const Result<net::IpAddress> address = net::IpAddress::parse(question.text);
    if (!address) co_return fail(Error::Kind::syntax, "not an address");
    ipc::LookedUp answer = co_await clientName(settings, *address, deadline);
    co_return answer;
  }
  const Result<std::string> name = dns::toAscii(question.text);
  if (!name) co_return only(LookedState::no);
  // A host that mail can be sent to has an address or an MX, and more is not asked of the name in HELO.
  ipc::LookedUp answer = co_await mailDomain(settings, *name, deadline);
  if (answer.state == LookedState::nullMx && question.what == ipc::LookUp::What::hostName) answer.state = LookedState::yes;
  co_return answer;
}

}  // namespace ostler::out
