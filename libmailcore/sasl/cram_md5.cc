#include "libmailcore/sasl/cram_md5.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/sasl/prep.h"

namespace ostler::sasl {

namespace {

class CramMd5 final : public Mechanism {
 public:
  explicit CramMd5(Context context) : context_(std::move(context)) {}

  Step start(std::optional<std::string_view> initial) override {
    if (initial && !initial->empty()) return Failed{"", std::string(kReasonMalformed), ""};  // the server speaks first
    const std::string nonce = context_.serverNonce.empty() ? toHex(randomOctets(16)) : context_.serverNonce;
    challenge_ = "<" + nonce + "@" + context_.hostName + ">";  // the form of a msg-id: RFC 2195 2
    return Challenge{challenge_};
  }
  Step response(std::string_view data) override {
    // user name, a space, 32 hexadecimal digits; the name may hold spaces.
    const std::size_t space = data.rfind(' ');
    if (challenge_.empty() || space == data.npos || space == 0) return Failed{"", std::string(kReasonMalformed), ""};
    const std::optional<std::string> digest = fromHex(data.substr(space + 1));
    const Result<std::string> user = saslPrep(data.substr(0, space));
    if (!digest || digest->size() != octetsOf(Hash::md5) || !user) return Failed{"", std::string(kReasonMalformed), ""};
    digest_ = *digest;
    user_ = *user;
    return FindVerifiers{user_};
  }
  Step verifiersFound(const Verifiers* verifiers) override {
    const bool usable = verifiers != nullptr && !verifiers->recoverableSecret.empty();
    const std::string secret = usable ? verifiers->recoverableSecret : "no such user, same work";
    const bool same = equalsConstantTime(hmac(Hash::md5, secret, challenge_), digest_);
    if (!usable || !same) return Failed{user_, std::string(kReasonCredentials), ""};
    return Succeeded{user_, "", ""};
  }

 private:
  Context context_;
  std::string challenge_;
  std::string user_;
  std::string digest_;
};

}  // namespace

std::unique_ptr<Mechanism> makeCramMd5(Context context) {
  return std::make_unique<CramMd5>(std::move(context));
}

}  // namespace ostler::sasl
