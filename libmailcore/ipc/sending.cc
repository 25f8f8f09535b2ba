#include "libmailcore/ipc/sending.h"

namespace ostler::ipc {

std::string NextHop::key() const {
  static constexpr const char* kKinds[] = {"mx", "host", "lmtp", "adopted"};
  std::string key = kKinds[static_cast<std::size_t>(kind)];
  key += ':';
  for (const char c : name) key += (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : c;
  if (kind != Kind::mx && !name.starts_with('/')) key += ':' + std::to_string(port);
  if (tlsRequired || tlsVerify != 0) key += tlsRequired ? ":tls!" : ":tls";
  if (tlsVerify != 0) key += std::to_string(tlsVerify);
  if (!user.empty()) key += ":as=" + user;
  return key;
}

}  // namespace ostler::ipc
