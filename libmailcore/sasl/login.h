// login.h - LOGIN: the server asks for the user name, then for the password. Never made an RFC; old Outlook speaks
// nothing else. Written in draft-murchison-sasl-login-00; a client may send the user name as initial response.
#pragma once

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

[[nodiscard]] std::unique_ptr<Mechanism> makeLogin(Context context);

}  // namespace ostler::sasl
