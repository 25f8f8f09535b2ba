#include "libmailcore/sasl/external.h"

#include "libmailcore/base/ascii.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kMostExternal = 1024;

class External final : public Mechanism {
 public:
  explicit External(Context context) : addresses_(std::move(context.peerAddresses)) {}

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{""};
    return response(*initial);
  }
  // A name may be given to choose among those of the certificate; any other cannot be acted for.
  Step response(std::string_view data) override {
    const bool isText = data.size() <= kMostExternal && isValidUtf8(data) && data.find('\0') == std::string_view::npos;
    if (!isText) return Failed{"", std::string(kReasonMalformed), ""};
    for (const std::string& address : addresses_) {
      if (data.empty() || equalsIgnoreCase(address, data)) {
        user_ = address;
        return FindVerifiers{user_};
      }
    }
    return Failed{printable(data), std::string(kReasonCredentials), ""};
  }
  Step verifiersFound(const Verifiers* verifiers) override {
    if (user_.empty() || verifiers == nullptr) return Failed{user_, std::string(kReasonCredentials), ""};
    return Succeeded{user_, "", ""};
  }

 private:
  std::vector<std::string> addresses_;
  std::string user_;
};

}  // namespace

std::unique_ptr<Mechanism> makeExternal(Context context) {
  return std::make_unique<External>(std::move(context));
}

}  // namespace ostler::sasl
