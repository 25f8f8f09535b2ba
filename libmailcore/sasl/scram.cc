#include "libmailcore/sasl/scram.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/base/random.h"
#include "libmailcore/sasl/prep.h"
#include "libmailcore/sasl/scram_message.h"

namespace ostler::sasl {

namespace {

enum class Binding { no, required };

class Scram final : public Mechanism {
 public:
  Scram(Hash hash, Binding binding, Context context) : hash_(hash), binding_(binding), context_(std::move(context)) {}

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{""};
    return response(*initial);
  }
  Step response(std::string_view data) override {
    switch (state_) {
      case State::first:
        return clientFirst(data);
      case State::final:
        return clientFinal(data);
      case State::lookup:
      case State::over:
        break;
    }
    return over(kReasonMalformed, "other-error");
  }
  Step verifiersFound(const Verifiers* verifiers) override;

 private:
  enum class State { first, lookup, final, over };

  Step clientFirst(std::string_view data);
  Step clientFinal(std::string_view data);
  Step over(std::string_view reason, const char* serverError) {
    state_ = State::over;
    return Failed{user_, std::string(reason), std::string("e=") + serverError};  // server-error: RFC 5802 7
  }
  /// Does the client's flag fit to what we offered? Empty: yes; else the server-error. RFC 5802 6.
  [[nodiscard]] const char* bindingError() const;
  [[nodiscard]] const std::string* bindingData() const;

  Hash hash_;
  Binding binding_;
  Context context_;
  State state_ = State::first;
  ClientFirst first_;
  std::string user_;
  std::string serverFirst_;
  std::string nonce_;
  bool known_ = false;
  ScramVerifier verifier_;
};

const std::string* Scram::bindingData() const {
  const std::string* data = nullptr;
  if (first_.bindingType == "tls-exporter") data = &context_.tlsExporter;
  if (first_.bindingType == "tls-server-end-point") data = &context_.tlsServerEndPoint;
  return data != nullptr && !data->empty() ? data : nullptr;
}

const char* Scram::bindingError() const {
  if (binding_ == Binding::required) {
    if (first_.bindingFlag != 'p') return "channel-binding-not-supported";
    return bindingData() != nullptr ? nullptr : "unsupported-channel-binding-type";
  }
  if (first_.bindingFlag == 'p') return "channel-bindings-dont-match";
  // "y" says: I could bind, but you did not offer it. We did, so somebody in between took it off our list.
  if (first_.bindingFlag == 'y' && context_.plusOffered) return "server-does-support-channel-binding";
  return nullptr;
}

Step Scram::clientFirst(std::string_view data) {
  Result<ClientFirst> first = parseClientFirst(data);
  if (!first) return over(kReasonMalformed, "invalid-encoding");
  first_ = std::move(*first);
  const Result<std::string> user = saslPrep(first_.user);
  if (!user) return over(kReasonMalformed, "invalid-username-encoding");
  user_ = *user;
  if (const char* const error = bindingError()) return over(kReasonChannelBinding, error);
  state_ = State::lookup;
  return FindVerifiers{user_};
}

Step Scram::verifiersFound(const Verifiers* verifiers) {
  if (state_ != State::lookup) return over(kReasonMalformed, "other-error");
  const auto& stored = hash_ == Hash::sha256 ? &Verifiers::scramSha256 : &Verifiers::scramSha1;
  known_ = verifiers != nullptr && (verifiers->*stored).has_value();
  if (known_) {
    verifier_ = *(verifiers->*stored);
  } else {
    // The same name gets the same salt each time, as a user that exists would. RFC 5802 9.
    verifier_.salt = hmac(Hash::sha256, context_.fakeSaltKey, "salt " + user_).substr(0, 16);
    verifier_.iterations = context_.fakeIterations;
    verifier_.storedKey = std::string(octetsOf(hash_), '\0');
    verifier_.serverKey = verifier_.storedKey;
  }
  nonce_ = first_.nonce + (context_.serverNonce.empty() ? encodeBase64(randomOctets(18)) : context_.serverNonce);
  serverFirst_ = formatServerFirst(nonce_, verifier_.salt, verifier_.iterations);
  state_ = State::final;
  return Challenge{serverFirst_};
}

Step Scram::clientFinal(std::string_view data) {
  const Result<ClientFinal> message = parseClientFinal(data);
  if (!message) return over(kReasonMalformed, "invalid-encoding");
  if (!equalsConstantTime(message->nonce, nonce_)) return over(kReasonMalformed, "other-error");
  std::string expectedBinding = first_.gs2Header;
  if (binding_ == Binding::required) expectedBinding += *bindingData();
  if (!equalsConstantTime(message->channelBinding, expectedBinding)) {
    return over(kReasonChannelBinding, "channel-bindings-dont-match");
  }
  const std::string authMessage = first_.bare + "," + serverFirst_ + "," + message->withoutProof;
  const std::string clientSignature = hmac(hash_, verifier_.storedKey, authMessage);
  if (message->proof.size() != clientSignature.size()) return over(kReasonCredentials, "invalid-proof");
  std::string clientKey = clientSignature;
  for (std::size_t at = 0; at < clientKey.size(); ++at)
    clientKey[at] = static_cast<char>(clientKey[at] ^ message->proof[at]);
  const bool proven = equalsConstantTime(digest(hash_, clientKey), verifier_.storedKey);
  wipe(clientKey);
  if (!proven || !known_) return over(kReasonCredentials, "invalid-proof");
  state_ = State::over;
  return Succeeded{user_, first_.authorizationId, "v=" + encodeBase64(hmac(hash_, verifier_.serverKey, authMessage))};
}

}  // namespace

std::unique_ptr<Mechanism> makeScramSha256(Context context) {
  return std::make_unique<Scram>(Hash::sha256, Binding::no, std::move(context));
}
std::unique_ptr<Mechanism> makeScramSha256Plus(Context context) {
  return std::make_unique<Scram>(Hash::sha256, Binding::required, std::move(context));
}
std::unique_ptr<Mechanism> makeScramSha1(Context context) {
  return std::make_unique<Scram>(Hash::sha1, Binding::no, std::move(context));
}
std::unique_ptr<Mechanism> makeScramSha1Plus(Context context) {
  return std::make_unique<Scram>(Hash::sha1, Binding::required, std::move(context));
}

}  // namespace ostler::sasl
