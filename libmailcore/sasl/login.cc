#include "libmailcore/sasl/login.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/sasl/prep.h"

namespace ostler::sasl {

namespace {

class Login final : public Mechanism {
 public:
  Step start(std::optional<std::string_view> initial) override {
    // Clients send an empty initial response where they mean none.
    if (!initial || initial->empty()) return Challenge{"Username:"};
    return response(*initial);
  }
  Step response(std::string_view data) override {
    if (data.find('\0') != data.npos || data.empty()) return Failed{user_, std::string(kReasonMalformed), ""};
    if (!user_.empty()) return CheckPassword{user_, std::string(data)};
    const Result<std::string> user = saslPrep(data);
    if (!user) return Failed{printable(data), std::string(kReasonMalformed), ""};
    user_ = *user;
    return Challenge{"Password:"};
  }
  Step passwordChecked(bool correct) override {
    if (!correct) return Failed{user_, std::string(kReasonCredentials), ""};
    return Succeeded{user_, "", ""};
  }

 private:
  std::string user_;
};

}  // namespace

std::unique_ptr<Mechanism> makeLogin(Context) {
  return std::make_unique<Login>();
}

}  // namespace ostler::sasl
