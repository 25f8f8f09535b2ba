// directory_client.h - the spool's questions to role auth: where does an address lead, whose token is it.
// Answers that say "yes" are kept for one second, so that a burst of mail to one mailbox asks once; a "no" is asked again, so
// that a new user gets mail at once.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::spool {

/// One loop.
class DirectoryClient {
 public:
  DirectoryClient(Loop& loop, const std::string& socketPath) : client_(loop, socketPath) {}

  /// The kept answer, if it is young enough. One about an address elsewhere is about every address of that domain: of such it has the
  /// kind alone.
  [[nodiscard]] std::shared_ptr<const ipc::Resolution> kept(std::string_view address);
  /// Errors: timeout, closed, temporary: the directory is away.
  [[nodiscard]] Task<Result<std::shared_ptr<const ipc::Resolution>>> resolve(std::string address);
  [[nodiscard]] Task<Result<std::shared_ptr<const ipc::Identity>>> whoIs(std::string token);
  /// Is role auth there, and does it move? For who looks after the suite.
  [[nodiscard]] Task<bool> isAnswering(Deadline deadline);

 private:
  [[nodiscard]] Task<Result<ipc::Resolution>> gather(std::uint64_t longAnswer, std::uint64_t octets);
  template <class T>
  struct Kept {
    std::shared_ptr<const T> value;
    SteadyTime until;
  };
  template <class T>
  using Cache = std::unordered_map<std::string, Kept<T>, TransparentHash, std::equal_to<>>;
  template <class T>
  static std::shared_ptr<const T> find(Cache<T>& cache, std::string_view key);
  template <class T>
  static void keep(Cache<T>& cache, const std::string& key, std::shared_ptr<const T> value);

  ipc::Client client_;
  Cache<ipc::Resolution> domains_;  ///< that are not ours
  Cache<ipc::Resolution> resolutions_;
  Cache<ipc::Identity> identities_;
};

}  // namespace ostler::spool
