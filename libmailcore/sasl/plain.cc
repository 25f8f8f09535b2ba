#include "libmailcore/sasl/plain.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/sasl/prep.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kMostPlain = 3 * 4096 + 2;

class Plain final : public Mechanism {
 public:
  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{""};  // RFC 4422 5: an empty challenge asks for the client's first words
    return response(*initial);
  }
  Step response(std::string_view data) override {
    Result<PlainMessage> message = parsePlain(data);
    if (!message) return Failed{"", std::string(kReasonMalformed), ""};
    const Result<std::string> user = saslPrep(message->user);
    if (!user) return Failed{printable(message->user), std::string(kReasonMalformed), ""};
    user_ = *user;
    authorizationId_ = message->authorizationId;
    return CheckPassword{user_, std::move(message->password)};
  }
  Step passwordChecked(bool correct) override {
    if (!correct) return Failed{user_, std::string(kReasonCredentials), ""};
    return Succeeded{user_, authorizationId_, ""};
  }

 private:
  std::string user_;
  std::string authorizationId_;
};

}  // namespace

Result<PlainMessage> parsePlain(std::string_view data) {
  if (data.size() > kMostPlain) return fail(Error::Kind::syntax, "PLAIN: too long");
  const std::vector<std::string_view> parts = split(data, '\0');
  if (parts.size() != 3) return fail(Error::Kind::syntax, "PLAIN: not three parts separated by NUL");
  for (const std::string_view part : parts) {
    if (!isValidUtf8(part)) return fail(Error::Kind::syntax, "PLAIN: not UTF-8");
  }
  if (parts[1].empty() || parts[2].empty()) return fail(Error::Kind::syntax, "PLAIN: user or password is empty");
  return PlainMessage{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

std::string formatPlain(const PlainMessage& message) {
  return message.authorizationId + '\0' + message.user + '\0' + message.password;
}

std::unique_ptr<Mechanism> makePlain(Context) {
  return std::make_unique<Plain>();
}

}  // namespace ostler::sasl
