#include "libmailcore/directory/system/system_users.h"

#include <pwd.h>
#include <security/pam_appl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "libmailcore/base/ascii.h"

namespace ostler::directory {

namespace {

/// Answers every question that wants no echo with the password; says nothing else. pam_conv(3).
int answer(int count, const pam_message** messages, pam_response** responses, void* password) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* const replies = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (replies == nullptr) return PAM_BUF_ERR;
  for (int at = 0; at < count; ++at) {
    if (messages[at]->msg_style == PAM_PROMPT_ECHO_OFF) replies[at].resp = ::strdup(static_cast<const char*>(password));
  }
  *responses = replies;  // PAM frees them
  return PAM_SUCCESS;
}

class PamSession {
 public:
  PamSession(const SystemOptions& options, const std::string& user, std::string password)
      : password_(std::move(password)) {
    const pam_conv conversation{&answer, password_.data()};
    status_ = ::pam_start_confdir(options.service.c_str(), user.c_str(), &conversation,
                                  options.pamFolder.empty() ? nullptr : options.pamFolder.c_str(), &handle_);
  }
  ~PamSession() {
    if (handle_ != nullptr) ::pam_end(handle_, status_);
    sasl::wipe(password_);
  }
  PamSession(const PamSession&) = delete;
  PamSession& operator=(const PamSession&) = delete;

  int check() {
    if (status_ == PAM_SUCCESS) status_ = ::pam_authenticate(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (status_ == PAM_SUCCESS) status_ = ::pam_acct_mgmt(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    return status_;
  }
  [[nodiscard]] std::string reason() const { return ::pam_strerror(handle_, status_); }

 private:
  std::string password_;
  pam_handle_t* handle_ = nullptr;
  int status_ = PAM_SYSTEM_ERR;
};

/// Is it PAM's word on the user, rather than a trouble of its own?
bool isVerdict(int status) {
  switch (status) {
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_PERM_DENIED:
    case PAM_ACCT_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_CRED_INSUFFICIENT:
    case PAM_MAXTRIES:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<std::optional<User>> SystemUsers::find(const Domain& domain, std::string_view localPart) {
  const std::string name(localPart);
  const long suggested = ::sysconf(_SC_GETPW_R_SIZE_MAX);
  std::vector<char> buffer(suggested > 0 ? static_cast<std::size_t>(suggested) : 16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  int status = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  while (status == ERANGE && buffer.size() < (std::size_t{1} << 20)) {
    buffer.resize(2 * buffer.size());
    status = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  }
  const bool isAbsent = status == ENOENT || status == ESRCH || status == EBADF || status == EPERM;  // getpwnam(3)
  if (status != 0 && !isAbsent) return fail(Error::Kind::temporary, "passwd: " + name + ": " + std::strerror(status));
  if (found == nullptr || entry.pw_uid < options_.firstUid || entry.pw_uid > options_.lastUid)
    return std::optional<User>{};
  User user;
  user.domain = domain.name;
  user.localPart = name;
  const std::string_view gecos = entry.pw_gecos != nullptr ? entry.pw_gecos : "";
  user.fullName = gecos.substr(0, gecos.find(','));
  return std::optional<User>(std::move(user));
}

Result<bool> SystemUsers::checkPassword(const User& user, std::string_view password) {
  if (password.empty() || password.find('\0') != password.npos) return false;
  PamSession session(options_, user.localPart, std::string(password));
  const int status = session.check();
  if (status == PAM_SUCCESS) return true;
  if (isVerdict(status)) return false;
  return fail(Error::Kind::temporary,
              "PAM service " + options_.service + ": " + session.reason() + "; see /etc/pam.d/" + options_.service);
}

}  // namespace ostler::directory
