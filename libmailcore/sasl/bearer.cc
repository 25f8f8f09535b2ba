#include "libmailcore/sasl/bearer.h"

#include <utility>

#include "libmailcore/base/ascii.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kMostBearer = 20 * 1024;
constexpr char kSeparator = '\x01';

// Pairs that each end in ^A, and one more ^A. Errors: syntax.
Result<std::string> tokenIn(std::string_view pairs) {
  if (!pairs.ends_with("\x01\x01")) return fail(Error::Kind::syntax, "bearer: no end");
  std::string token;
  for (const std::string_view pair : split(pairs.substr(0, pairs.size() - 2), kSeparator)) {
    if (!startsWithIgnoreCase(pair, "auth=")) continue;  // host, port and what may come: RFC 7628 3.1
    if (!startsWithIgnoreCase(pair.substr(5), "Bearer ") || !token.empty()) return fail(Error::Kind::syntax, "bearer: no bearer token");
    token = trim(pair.substr(12));
  }
  if (token.empty()) return fail(Error::Kind::syntax, "bearer: no token");
  return token;
}

class Bearer final : public Mechanism {
 public:
  using Parse = Result<BearerMessage> (*)(std::string_view);
  Bearer(Context context, Parse parse) : rules_(std::move(context.tokens)), now_(context.now), parse_(parse) {}

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{""};
    return response(*initial);
  }
  Step response(std::string_view data) override {
    // After the error the client says ^A, or nothing, and hears the end: RFC 7628 3.2.3.
    if (refused_) return Failed{user_, std::string(kReasonCredentials), "", why_};
    Result<BearerMessage> message = data.size() <= kMostBearer ? parse_(data) : fail(Error::Kind::syntax, "too long");
    if (!message) return Failed{"", std::string(kReasonMalformed), ""};
    wanted_ = message->user;
    const Result<std::string> named = userOfToken(rules_, message->token, now_);
    if (!named && rules_.askServer) {
      asking_ = true;
      return AskAboutToken{std::move(message->token)};
    }
    return judged(named);
  }
  Step introspected(std::string_view answer) override {
    if (!std::exchange(asking_, false)) return Failed{"", std::string(kReasonMalformed), ""};
    return judged(userOfIntrospection(rules_.claims, answer, now_));
  }
  Step verifiersFound(const Verifiers* verifiers) override {
    if (user_.empty() || refused_ || asking_) return Failed{"", std::string(kReasonMalformed), ""};
    if (verifiers == nullptr) return refuse();
    return Succeeded{user_, wanted_, ""};  // that `wanted_` is this user is looked at as with any mechanism
  }

 private:
  Step judged(const Result<std::string>& named) {
    user_ = named ? *named : printable(wanted_);
    if (named) return FindVerifiers{user_};
    why_ = named.error().detail;
    return refuse();
  }
  Step refuse() {
    refused_ = true;
    return Challenge{R"({"status":"invalid_token"})"};
  }
  TokenRules rules_;
  WallTime now_;
  Parse parse_;
  std::string user_;
  std::string wanted_;
  std::string why_;  // not, for the log
  bool asking_ = false;
  bool refused_ = false;
};

}  // namespace

Result<BearerMessage> parseOauthBearer(std::string_view data) {
  // gs2-header = "n," [ "a=" saslname ] ","; channel binding is not for this mechanism.
  if (!data.starts_with("n,")) return fail(Error::Kind::syntax, "bearer: no gs2 header");
  data.remove_prefix(2);
  const std::size_t comma = data.find(',');
  if (comma == std::string_view::npos) return fail(Error::Kind::syntax, "bearer: no gs2 header");
  std::string_view name = data.substr(0, comma);
  BearerMessage message;
  if (!name.empty()) {
    if (!name.starts_with("a=")) return fail(Error::Kind::syntax, "bearer: bad gs2 header");
    for (name.remove_prefix(2); !name.empty(); name.remove_prefix(1)) {
      const bool escaped = name.front() == '=';
      if (escaped && !name.starts_with("=2C") && !name.starts_with("=3D")) return fail(Error::Kind::syntax, "bearer: bad name");
      message.user += !escaped ? name.front() : name[1] == '2' ? ',' : '=';
      if (escaped) name.remove_prefix(2);
    }
  }
  const std::string_view pairs = data.substr(comma + 1);
  if (!pairs.starts_with(kSeparator)) return fail(Error::Kind::syntax, "bearer: no pairs");
  Result<std::string> token = tokenIn(pairs.substr(1));
  if (!token) return fail(token.error());
  message.token = std::move(*token);
  return message;
}

Result<BearerMessage> parseXoauth2(std::string_view data) {
  const std::size_t end = data.find(kSeparator);
  if (!startsWithIgnoreCase(data, "user=") || end == std::string_view::npos) return fail(Error::Kind::syntax, "xoauth2: no user");
  Result<std::string> token = tokenIn(data.substr(end + 1));
  if (!token) return fail(token.error());
  return BearerMessage{std::string(data.substr(5, end - 5)), std::move(*token)};
}

std::unique_ptr<Mechanism> makeOauthBearer(Context context) {
  return std::make_unique<Bearer>(std::move(context), &parseOauthBearer);
}
std::unique_ptr<Mechanism> makeXoauth2(Context context) {
  return std::make_unique<Bearer>(std::move(context), &parseXoauth2);
}

}  // namespace ostler::sasl
