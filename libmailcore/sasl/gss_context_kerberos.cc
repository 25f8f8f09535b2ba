// gss_context_kerberos.cc - GssContext by MIT Kerberos's libgssapi_krb5. RFC 2744 (C bindings), RFC 4121 (the mechanism).
// Compiled where pkg-config finds krb5-gssapi; gss_context_none.cc else.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <array>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/sasl/gss_context.h"

namespace ostler::sasl {
namespace {

gss_buffer_desc bufferOf(std::string_view octets) {
  return {octets.size(), const_cast<char*>(octets.data())};  // NOLINT: the library takes what it only reads as void*
}

/// What the library gave; given back when this goes.
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() {
    OM_uint32 ignored = 0;
    gss_release_buffer(&ignored, &buffer_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] gss_buffer_t out() { return &buffer_; }
  [[nodiscard]] std::string text() const { return {static_cast<const char*>(buffer_.value), buffer_.length}; }

 private:
  gss_buffer_desc buffer_ = GSS_C_EMPTY_BUFFER;
};

std::string words(OM_uint32 status, int kind) {
  Buffer text;
  OM_uint32 minor = 0;
  OM_uint32 more = 0;
  gss_display_status(&minor, status, kind, gss_mech_krb5, &more, text.out());
  return printable(text.text());
}

tl::unexpected<Error> failed(Error::Kind kind, OM_uint32 major, OM_uint32 minor) {
  return fail(kind, "kerberos: " + (minor != 0 ? words(minor, GSS_C_MECH_CODE) : words(major, GSS_C_GSS_CODE)));
}

std::string textOf(gss_name_t name) {
  Buffer text;
  OM_uint32 minor = 0;
  gss_display_name(&minor, name, text.out(), nullptr);
  gss_release_name(&minor, &name);
  return text.text();
}

class KerberosContext final : public GssContext {
 public:
  explicit KerberosContext(KerberosFiles files) : files_(std::move(files)) {}
  ~KerberosContext() override {
    OM_uint32 ignored = 0;
    gss_delete_sec_context(&ignored, &context_, GSS_C_NO_BUFFER);
    gss_release_cred(&ignored, &credential_);
  }
  KerberosContext(const KerberosContext&) = delete;
  KerberosContext& operator=(const KerberosContext&) = delete;

  Result<Answer> accept(std::string_view token) override {
    const Result<void> keys = acquire();
    if (!keys) return fail(keys.error());
    gss_buffer_desc in = bufferOf(token);
    Buffer out;
    gss_name_t who = GSS_C_NO_NAME;
    gss_cred_id_t delegated = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_accept_sec_context(&minor, &context_, credential_, &in, GSS_C_NO_CHANNEL_BINDINGS, &who, nullptr,
                                                   out.out(), nullptr, nullptr, &delegated);
    OM_uint32 ignored = 0;
    gss_release_cred(&ignored, &delegated);  // nobody asked for it
    if (GSS_ERROR(major)) return failed(Error::Kind::denied, major, minor);
    Answer answer{out.text(), (major & GSS_S_CONTINUE_NEEDED) == 0};
    if (!answer.established) return answer;
    initiator_ = textOf(who);
    gss_name_t whom = GSS_C_NO_NAME;
    if (gss_inquire_context(&minor, context_, nullptr, &whom, nullptr, nullptr, nullptr, nullptr, nullptr) == GSS_S_COMPLETE) acceptor_ = textOf(whom);
    return answer;
  }
  [[nodiscard]] std::string initiator() const override { return initiator_; }
  [[nodiscard]] std::string acceptor() const override { return acceptor_; }

  Result<std::string> wrap(std::string_view octets) override {
    gss_buffer_desc in = bufferOf(octets);
    Buffer out;
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_wrap(&minor, context_, 0, GSS_C_QOP_DEFAULT, &in, nullptr, out.out());
    if (GSS_ERROR(major)) return failed(Error::Kind::denied, major, minor);
    return out.text();
  }
  Result<std::string> unwrap(std::string_view octets) override {
    gss_buffer_desc in = bufferOf(octets);
    Buffer out;
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_unwrap(&minor, context_, &in, out.out(), nullptr, nullptr);
    // Old and out of sequence are no errors to the library: RFC 2743 1.2.3.
    if (major != GSS_S_COMPLETE) return failed(Error::Kind::denied, major, minor);
    return out.text();
  }

 private:
  /// Anew for each login: a keytab that was replaced is good at once.
  Result<void> acquire() {
    if (credential_ != GSS_C_NO_CREDENTIAL) return {};
    const std::string keytab = "FILE:" + files_.keytab;
    const std::string replays = "file2:" + files_.replayCache;
    std::array<gss_key_value_element_desc, 2> elements = {{{"keytab", keytab.c_str()}, {"rcache", replays.c_str()}}};
    const gss_key_value_set_desc store = {elements.size(), elements.data()};
    gss_OID_set_desc kerberosAlone = {1, gss_mech_krb5};
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &kerberosAlone, GSS_C_ACCEPT, &store,
                                                  &credential_, nullptr, nullptr);
    if (GSS_ERROR(major)) return failed(Error::Kind::temporary, major, minor);
    return {};
  }

  KerberosFiles files_;
  gss_cred_id_t credential_ = GSS_C_NO_CREDENTIAL;
  gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
  std::string initiator_;
  std::string acceptor_;
};

}  // namespace

bool hasKerberos() { return true; }
std::shared_ptr<GssContext> makeKerberosContext(KerberosFiles files) { return std::make_shared<KerberosContext>(std::move(files)); }

}  // namespace ostler::sasl
