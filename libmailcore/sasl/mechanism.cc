#include "libmailcore/sasl/mechanism.h"

#include <array>

#include "libmailcore/sasl/bearer.h"
#include "libmailcore/sasl/cram_md5.h"
#include "libmailcore/sasl/external.h"
#include "libmailcore/sasl/gssapi.h"
#include "libmailcore/sasl/login.h"
#include "libmailcore/sasl/plain.h"
#include "libmailcore/sasl/scram.h"

namespace ostler::sasl {

namespace {

constexpr std::array kMechanisms = {
    //            name                  password plus   recoverable  written in
    MechanismInfo{"GSSAPI", false, false, false, "RFC 4752 3", makeGssapi},
    MechanismInfo{"SCRAM-SHA-256-PLUS", false, true, false, "RFC 7677 3", makeScramSha256Plus},
    MechanismInfo{"SCRAM-SHA-256", false, false, false, "RFC 7677 3", makeScramSha256},
    MechanismInfo{"SCRAM-SHA-1-PLUS", false, true, false, "RFC 5802 4", makeScramSha1Plus},
    MechanismInfo{"SCRAM-SHA-1", false, false, false, "RFC 5802 4", makeScramSha1},
    MechanismInfo{"PLAIN", true, false, false, "RFC 4616 2", makePlain},
    MechanismInfo{"LOGIN", true, false, false, "nowhere; Outlook and its heirs speak it", makeLogin},
    MechanismInfo{"EXTERNAL", false, false, false, "RFC 4422 A", makeExternal},
    MechanismInfo{"OAUTHBEARER", true, false, false, "RFC 7628 3", makeOauthBearer},
    MechanismInfo{"XOAUTH2", true, false, false, "nowhere; Google's and Microsoft's manuals", makeXoauth2},
    MechanismInfo{"CRAM-MD5", false, false, true, "RFC 2195 2", makeCramMd5},
};

}  // namespace

Step Mechanism::passwordChecked(bool) {
  return Failed{"", std::string(kReasonMalformed), ""};
}
Step Mechanism::verifiersFound(const Verifiers*) {
  return Failed{"", std::string(kReasonMalformed), ""};
}
Step Mechanism::introspected(std::string_view) {
  return Failed{"", std::string(kReasonMalformed), ""};
}
Step Mechanism::tokenAccepted(const Result<GssContext::Answer>&) {
  return Failed{"", std::string(kReasonMalformed), ""};
}

std::span<const MechanismInfo> allMechanisms() {
  return kMechanisms;
}

const MechanismInfo* findMechanism(std::string_view name) {
  for (const MechanismInfo& row : kMechanisms) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace ostler::sasl
