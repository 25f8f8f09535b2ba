// gss_context_none.cc - in the place of gss_context_kerberos.cc where Debian's libkrb5-dev was not there at build.
#include "libmailcore/sasl/gss_context.h"

namespace ostler::sasl {

bool hasKerberos() { return false; }
std::shared_ptr<GssContext> makeKerberosContext(KerberosFiles) { return nullptr; }

}  // namespace ostler::sasl
