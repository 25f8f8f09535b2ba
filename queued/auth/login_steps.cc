// login_steps.cc - AuthService: what a mechanism asks for between its steps: who somebody is, whether a password, a token or a ticket is
// right. The dialogue is login.cc.
#include <algorithm>

#include "libmailcore/ipc/introspection.h"
#include "libmailcore/ipc/login.h"
#include "queued/auth/auth_service.h"
#include "queued/auth/counted.h"

namespace ostler::queued::auth {

namespace {

constexpr std::size_t kMostAsking = 200;  // bearer tokens that the authorization server is asked about at once

/// Each login has a context of its own. The replay cache is beside the directory, where nobody else can write.
sasl::GssSettings gssSettings(const config::Config& config, const std::string& service) {
  const bool isMailbox = service == "imap" || service == "pop3";
  return {sasl::makeKerberosContext({config.kerberos.keytab, config.directoryDir() + "/kerberos.replays"}),
          !isMailbox ? "smtp" : service == "pop3" ? "pop" : service, config.kerberos.realm, config.kerberos.domain};
}

/// All that is needed of another user to act as oneself is to be it.
Result<bool> sameUser(directory::Directory& directory, const std::string& wanted, const std::string& local,
                      Id128 self) {
  const Result<Candidate> other = findCandidate(directory, wanted, local);
  if (!other) return fail(other.error());
  return other->user.has_value() && other->user->id == self;
}

}  // namespace

sasl::Context AuthService::saslContext(const ipc::LoginStart& request, const config::AuthSettings& settings) const {
  sasl::Context context;
  context.tlsExporter = request.tlsExporter;
  context.tlsServerEndPoint = request.tlsServerEndPoint;
  const bool hasBinding = !request.tlsExporter.empty() || !request.tlsServerEndPoint.empty();
  const bool plusNamed = std::any_of(settings.mechanisms.begin(), settings.mechanisms.end(),
                                     [](const std::string& name) { return name.ends_with("-PLUS"); });
  context.plusOffered = hasBinding && plusNamed;
  context.hostName = parts_.config->hostName;
  context.fakeSaltKey = parts_.directory->secret();
  context.peerAddresses = request.tlsPeerAddresses;
  const config::OauthSettings& oauth = parts_.config->oauth;
  context.tokens = {keys_, {oauth.issuer, oauth.audience, oauth.userClaim, oauth.scope}, !oauth.introspectionUrl.empty()};
  if (request.mechanism == "GSSAPI") context.gss = gssSettings(*parts_.config, request.session.service);
  context.now = parts_.clock.now();
  return context;
}

Task<Result<Candidate>> AuthService::lookUp(std::string user, std::string local) {
  const std::string key = user + '\0' + local;
  // Asked before the look: a change in between makes us look once too often, never too seldom.
  const std::uint64_t version = parts_.directory->version();
  if (const Candidate* const known = found_.find(key, version)) co_return *known;
  auto job = [directory = parts_.directory, user = std::move(user), local = std::move(local)] {
    return findCandidate(*directory, user, local);
  };
  Result<Candidate> found = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  // What is kept elsewhere (passwd, SQL, LDAP) changes without our directory's version.
  if (found && found->user && found->domain.kind == directory::Kind::own) found_.keep(key, version, *found);
  co_return found;
}

Task<Result<sasl::Step>> AuthService::findVerifiers(Conversation& conversation, std::string user) {
  Result<Candidate> candidate = co_await lookUp(std::move(user), conversation.session.local);
  if (!candidate) co_return fail(candidate.error());
  conversation.candidate = std::move(*candidate);
  (void)isLockedOut(conversation);  // the proof is heard all the same, since a refusal at once would tell the mechanisms apart
  const auto& found = conversation.candidate.user;
  co_return conversation.mechanism->verifiersFound(found ? &found->verifiers : nullptr);
}

Task<Result<sasl::Step>> AuthService::checkPassword(Conversation& conversation, sasl::CheckPassword asked) {
  Result<Candidate> candidate = co_await lookUp(std::move(asked.user), conversation.session.local);
  if (!candidate) co_return fail(candidate.error());
  conversation.candidate = std::move(*candidate);
  if (isLockedOut(conversation)) {
    co_return conversation.mechanism->passwordChecked(false);  // not even hashed: that is what locking out is for
  }
  Result<bool> correct = co_await isPassword(conversation, std::move(asked.password));
  if (!correct) co_return fail(correct.error());
  co_return conversation.mechanism->passwordChecked(*correct);
}

/// Of a client that is locked out no token is asked about, and no ticket looked at: it has failed already.
Task<Result<sasl::Step>> AuthService::askAboutToken(Conversation& conversation, std::string token) {
  if (isLockedOut(conversation)) {
    co_return conversation.mechanism->introspected(R"({"active":false})");
  }
  if (const std::string* const known = introspected_.find(token, parts_.clock.now())) co_return conversation.mechanism->introspected(*known);
  if (!parts_.introspect || asking_ >= kMostAsking) co_return fail(Error::Kind::temporary, "bearer tokens: too many questions at once, or nobody to ask");
  const Counted counted(asking_);
  const Result<ipc::Introspected> said = co_await parts_.introspect(token);
  if (!said) co_return fail(Error::Kind::temporary, "bearer token: " + said.error().detail);
  const Result<std::string> judged = sasl::userOfIntrospection({}, said->answer, parts_.clock.now());
  if (!judged && judged.error().kind == Error::Kind::syntax) co_return fail(Error::Kind::temporary, "bearer token: " + judged.error().detail);
  const std::chrono::seconds keep = conversation.config->oauth.introspectionCache;
  if (keep.count() > 0) introspected_.keep(token, said->answer, parts_.clock.now() + keep);
  co_return conversation.mechanism->introspected(said->answer);
}

Task<Result<sasl::Step>> AuthService::acceptToken(Conversation& conversation, sasl::AcceptToken asked) {
  if (isLockedOut(conversation)) {
    co_return conversation.mechanism->tokenAccepted(fail(Error::Kind::denied, "locked out"));
  }
  auto job = [context = std::move(asked.context), token = std::move(asked.token)]() -> Result<sasl::GssContext::Answer> { return context->accept(token); };
  const Result<sasl::GssContext::Answer> answer = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  const bool isOurFault = !answer && answer.error().kind != Error::Kind::denied;
  if (isOurFault) co_return fail(answer.error());
  co_return conversation.mechanism->tokenAccepted(answer);
}

Task<Result<bool>> AuthService::isPassword(const Conversation& conversation, std::string password) {
  const bool known = conversation.candidate.user.has_value();
  directory::User user = known ? *conversation.candidate.user : directory::User{};
  if (known && verified_.holds(user.id, user.verifiers.passwordHash, password,
                               conversation.config->directory.verifiedCache, parts_.clock.now())) {
    sasl::wipe(password);
    co_return true;
  }
  const bool isOwn = !known || conversation.candidate.domain.kind == directory::Kind::own;
  // Nobody there, or nothing to compare with: the same slow hash is computed all the same.
  const bool canPass = known && !(isOwn && user.verifiers.passwordHash.empty());
  const std::string verifier = user.verifiers.passwordHash;
  if (isOwn && !canPass) user.verifiers.passwordHash = parts_.decoyHash;
  const Id128 account = user.id;
  const std::string kept = canPass ? password : "";
  auto job = [directory = parts_.directory, user = std::move(user), password = std::move(password), isOwn,
              counter = slowHashes_]() mutable -> Result<bool> {
    ++*counter;
    Result<bool> correct =
        isOwn ? sasl::checkPassword(user.verifiers.passwordHash, password) : directory->checkPassword(user, password);
    sasl::wipe(password);
    return correct;
  };
  Result<bool> correct = co_await parts_.hashing.run(parts_.loop, std::move(job));
  if (!correct) co_return fail(correct.error());
  if (*correct && canPass) verified_.remember(account, verifier, kept, parts_.clock.now());
  co_return *correct&& canPass;
}

Task<Result<bool>> AuthService::actsAsItself(const Conversation& conversation, std::string authorizationId) {
  if (authorizationId.empty()) co_return true;
  auto job = [directory = parts_.directory, wanted = std::move(authorizationId), local = conversation.session.local,
              self = conversation.candidate.user->id] { return sameUser(*directory, wanted, local, self); };
  Result<bool> same = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  co_return same;
}

}  // namespace ostler::queued::auth
