// outlets.cc - the Dispatcher's way to what is neither a mailbox nor a host: drop folders, files and programs behind aliases.
#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/program.h"
#include "libmailcore/message/received.h"
#include "queued/deliver/folder.h"
#include "queued/spool/badmail.h"
#include "queued/spool/contents.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

/// One file a message and domain: what a look at the message finds for it goes together, once the directory has said where all go.
void Dispatcher::drop(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route) {
  const bool hasOther = route.rule != nullptr && !route.rule->host.empty();
  const std::string domain = hasOther ? asciiLower(route.rule->host)
                             : !route.folder.empty() ? route::domainOf("@" + route.folder)
                                                     : route::domainOf(facts->record.recipients[recipient].recipient.forwardPath);
  if (domain.empty() || domain.front() == '.' || domain.find('/') != std::string::npos) {
    return refuse(id, recipient, {550, "5.1.3", "The domain cannot be the name of a folder"});
  }
  std::vector<std::uint32_t>& together = drops_[{id, domain}];
  together.push_back(recipient);
  if (together.size() == 1 && !asking_.contains(id)) scope_.spawn(deliverToDrop(id, facts, domain));
}

/// The last answer came: whatever waited for it.
void Dispatcher::dropTogether(const Id128& id) {
  Message* const message = env_.queue.find(id);
  const Result<Facts> facts = message == nullptr ? Result<Facts>(fail(Error::Kind::notFound, "the message is gone")) : factsOf(*message);
  for (auto at = drops_.lower_bound({id, std::string()}); at != drops_.end() && at->first.first == id;) {
    if (facts) {
      scope_.spawn(deliverToDrop(id, *facts, (at++)->first.second));
      continue;
    }
    if (message != nullptr) {
      for (const std::uint32_t recipient : at->second) message->recipients[recipient].inFlight = false;
      wakeWhenReadable(id);
    }
    at = drops_.erase(at);
  }
}

Task<void> Dispatcher::deliverToDrop(Id128 id, Facts facts, std::string domain) {
  ++running_;
  co_await env_.loop.yield();  // the message's other recipients come in this turn
  if (asking_.contains(id)) {  // or later: then this begins anew
    endRunning();
    co_return;
  }
  const auto together = drops_.extract({id, domain});
  const std::vector<std::uint32_t> which = together.empty() ? std::vector<std::uint32_t>() : together.mapped();
  const Result<std::shared_ptr<const std::string>> content = co_await readContent(env_, id, UINT64_MAX);
  const std::string folder = env_.config->dropDir() + "/" + domain;
  Result<void> written = content ? Result<void>() : Result<void>(fail(content.error()));
  if (content && !which.empty()) {
    auto job = [folder, name = id.text() + "-" + std::to_string(which.front()) + ".eml", envelope = envelopeFields(facts->record, which),
                octets = *content]() -> Result<void> {
      const Result<void> made = deliver::makeFolder(folder);
      return made ? deliver::writeInto(folder, name, {envelope, *octets}) : made;
    };
    written = co_await env_.disk.run(env_.loop, std::move(job));
  }
  endRunning();
  std::vector<Outcome> outcomes;
  for (const std::uint32_t at : which) {
    Outcome outcome;
    outcome.recipient = at;
    outcome.by = folder;
    outcome.state = written ? RecipientState::delivered : RecipientState::pending;
    outcome.reply = written ? ipc::SmtpReply{250, "2.0.0", "Dropped"} : ipc::SmtpReply{451, "4.3.0", written.error().detail};
    outcomes.push_back(std::move(outcome));
  }
  if (!outcomes.empty()) settle(id, std::move(outcomes));
}

Task<void> Dispatcher::deliverToFile(Id128 id, Facts facts, std::uint32_t recipient) {
  ++running_;
  Outcome outcome;
  outcome.recipient = recipient;
  const Result<std::shared_ptr<const std::string>> content = co_await readContent(env_, id, UINT64_MAX);
  const MessageRecord& record = facts->record;
  const std::string path = record.recipients[recipient].recipient.forwardPath;
  Result<void> written = content ? Result<void>() : Result<void>(fail(content.error()));
  if (content) {
    outcome.by = path;
    auto job = [path, from = record.reversePath, octets = *content, when = toUnixMillis(env_.now()) / 1000] {
      return deliver::appendToMbox(path, from, *octets, when);
    };
    written = co_await env_.disk.run(env_.loop, std::move(job));
  }
  endRunning();
  const bool hopeless = !written && written.error().kind == Error::Kind::permanent;
  outcome.state = written ? RecipientState::delivered : hopeless ? RecipientState::failed : RecipientState::pending;
  if (written) {
    outcome.reply = {250, "2.0.0", "Delivered"};
  } else {
    outcome.reply = hopeless ? ipc::SmtpReply{550, "5.3.0", written.error().detail} : ipc::SmtpReply{451, "4.3.0", written.error().detail};
  }
  settleOne(id, std::move(outcome));
}

/// The spool may start no program; role programs does, as who it belongs to.
Task<void> Dispatcher::deliverToProgram(Id128 id, Facts facts, std::uint32_t recipient) {
  const MessageRecord& record = facts->record;
  const RecipientRecord& to = record.recipients[recipient];
  const std::string& alias = to.parent < record.recipients.size() ? record.recipients[to.parent].recipient.forwardPath : to.recipient.forwardPath;
  Outcome outcome;
  outcome.recipient = recipient;
  outcome.by = to.recipient.forwardPath;
  outcome.bySchedule = true;
  ++running_;
  Result<SoundContent> content = co_await soundContent(env_, id);
  endRunning();
  if (content) {
    ipc::RunProgram request;
    request.queueId = id.text();
    request.command = to.recipient.forwardPath.substr(1);
    request.alias = alias.substr(0, alias.rfind('@'));
    request.reversePath = record.reversePath;
    request.forwardPath = alias;
    request.head = message::writeReturnPath(record.reversePath) + message::writeDeliveredTo(alias);
    request.offset = content->range.offset;
    request.length = content->range.length;
    std::vector<UniqueFd> descriptors;
    descriptors.push_back(std::move(content->range.fd));
    ++running_;
    const Deadline deadline = Deadline::after(env_.config->directory.pipeTimeout + std::chrono::minutes(1));
    const auto answer = co_await programs_.callWithDescriptors(std::move(request), std::move(descriptors), deadline);
    endRunning();
    outcome.reply = answer ? answer->message.reply : ipc::SmtpReply{451, "4.3.0", "Programs behind aliases cannot be run now: " + answer.error().detail};
  } else {
    outcome.reply = {451, "4.3.0", "The message cannot be read: " + content.error().detail};
  }
  const int klass = outcome.reply.code / 100;
  outcome.state = klass == 2 ? RecipientState::delivered : klass == 5 ? RecipientState::failed : RecipientState::pending;
  settleOne(id, std::move(outcome));
}

}  // namespace ostler::spool
