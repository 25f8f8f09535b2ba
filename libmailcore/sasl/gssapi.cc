#include "libmailcore/sasl/gssapi.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kMostOctets = 64 * 1024;  // tickets with a Windows PAC have some tens of KiB
constexpr std::size_t kMostSteps = 8;           // Kerberos needs one, or two in DCE style
constexpr char kNoLayer = 1;                    // RFC 4752 3.3

class Gssapi final : public Mechanism {
 public:
  explicit Gssapi(Context context) : settings_(std::move(context.gss)) {}

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{""};
    return response(*initial);
  }

  Step response(std::string_view data) override {
    if (!settings_.context || data.size() > kMostOctets) return malformed();
    switch (state_) {
      case State::negotiating:
        if (data.empty() || ++steps_ > kMostSteps) return malformed();
        return AcceptToken{settings_.context, std::string(data)};
      case State::confirming:
        return data.empty() ? offerLayers() : malformed();
      case State::choosing:
        return chosen(data);
      case State::over:
        break;
    }
    return malformed();
  }

  Step tokenAccepted(const Result<GssContext::Answer>& answer) override {
    if (state_ != State::negotiating) return malformed();
    if (!answer) return refuse(answer.error());
    if (!answer->established) return Challenge{answer->token};
    const Result<std::string> user = userOfPrincipal(settings_, settings_.context->initiator(), settings_.context->acceptor());
    if (!user) return refuse(user.error());
    user_ = *user;
    if (answer->token.empty()) return offerLayers();
    state_ = State::confirming;  // the client has to see the token, and answers it with nothing: RFC 4752 3.1
    return Challenge{answer->token};
  }

  Step verifiersFound(const Verifiers* verifiers) override {
    if (user_.empty() || state_ != State::over) return malformed();
    if (verifiers == nullptr) return Failed{user_, std::string(kReasonCredentials), ""};
    return Succeeded{user_, authorizationId_, ""};
  }

 private:
  enum class State { negotiating, confirming, choosing, over };

  // One octet of layers, three with the largest message we take, which is none: RFC 4752 3.2.
  Step offerLayers() {
    const Result<std::string> wrapped = settings_.context->wrap(std::string{kNoLayer, '\0', '\0', '\0'});
    if (!wrapped) return refuse(wrapped.error());
    state_ = State::choosing;
    return Challenge{*wrapped};
  }

  // The layer, the largest message the client takes, and as whom it wants to act: RFC 4752 3.1.
  Step chosen(std::string_view data) {
    const Result<std::string> text = settings_.context->unwrap(data);
    if (!text) return refuse(text.error());
    if (text->size() < 4 || text->front() != kNoLayer) return malformed();
    authorizationId_ = text->substr(4);
    if (!isValidUtf8(authorizationId_) || authorizationId_.find('\0') != std::string::npos) return malformed();
    state_ = State::over;
    return FindVerifiers{user_};
  }

  Step malformed() {
    state_ = State::over;
    return Failed{std::exchange(user_, ""), std::string(kReasonMalformed), ""};
  }
  Step refuse(const Error& why) {
    state_ = State::over;
    return Failed{std::exchange(user_, ""), std::string(kReasonTicket), "", why.detail};
  }

  GssSettings settings_;
  State state_ = State::negotiating;
  std::size_t steps_ = 0;
  std::string user_;
  std::string authorizationId_;
};

/// The realm of "alice@EXAMPLE.TEST".
std::string_view realmOf(std::string_view principal) {
  const std::size_t at = principal.rfind('@');
  return at == std::string_view::npos ? std::string_view() : principal.substr(at + 1);
}

}  // namespace

Result<std::string> userOfPrincipal(const GssSettings& settings, std::string_view initiator, std::string_view acceptor) {
  const auto denied = [](std::string why) { return fail(Error::Kind::denied, std::move(why)); };
  const std::string_view service = acceptor.substr(0, acceptor.find('/'));
  if (service.size() == acceptor.size() || service != settings.service) return denied("the ticket is for " + printable(acceptor));
  const std::string_view realm = settings.realm.empty() ? realmOf(acceptor) : std::string_view(settings.realm);
  // Names and realms are compared as they are written: RFC 4120 6.1.
  if (realm.empty() || realmOf(initiator) != realm) return denied("of another realm: " + printable(initiator));
  const std::string_view name = initiator.substr(0, initiator.size() - realm.size() - 1);
  // '/' parts the components of a name, '\' quotes (RFC 1964 2.1.1): names with either are no people's.
  if (name.empty() || name.find_first_of("/\\@") != std::string_view::npos) return denied("not a person's principal: " + printable(initiator));
  if (!isValidUtf8(name)) return denied("a principal's name that is not UTF-8");
  return std::string(name) + "@" + (settings.domain.empty() ? asciiLower(realm) : settings.domain);
}

std::unique_ptr<Mechanism> makeGssapi(Context context) {
  return std::make_unique<Gssapi>(std::move(context));
}

}  // namespace ostler::sasl
