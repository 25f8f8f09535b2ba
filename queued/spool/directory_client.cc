#include "queued/spool/directory_client.h"

#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

namespace {
constexpr std::chrono::seconds kKeepFor{1};
constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kMostKept = 10'000;

std::string domainOf(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : comparableDomain(address.substr(at + 1));
}

std::shared_ptr<const ipc::Resolution> elsewhere() {
  ipc::Resolution resolution;
  resolution.kind = ipc::Resolution::Kind::remote;
  return std::make_shared<const ipc::Resolution>(std::move(resolution));
}

}  // namespace

template <class T>
std::shared_ptr<const T> DirectoryClient::find(Cache<T>& cache, std::string_view key) {
  const auto found = cache.find(key);
  if (found == cache.end()) return nullptr;
  if (std::chrono::steady_clock::now() < found->second.until) return found->second.value;
  cache.erase(found);
  return nullptr;
}

template <class T>
void DirectoryClient::keep(Cache<T>& cache, const std::string& key, std::shared_ptr<const T> value) {
  if (cache.size() >= kMostKept) cache.clear();
  cache[key] = {std::move(value), std::chrono::steady_clock::now() + kKeepFor};
}

std::shared_ptr<const ipc::Resolution> DirectoryClient::kept(std::string_view address) {
  if (auto known = find(resolutions_, address)) return known;
  return find(domains_, domainOf(address));
}

/// An alias may lead to more than fits into a frame.
Task<Result<ipc::Resolution>> DirectoryClient::gather(std::uint64_t longAnswer, std::uint64_t octets) {
  std::string encoded;
  while (encoded.size() < octets) {
    const Result<ipc::ResolutionPiece> piece = co_await client_.call(ipc::ResolvePiece{longAnswer, encoded.size()}, Deadline::after(kPatience));
    if (!piece) co_return fail(piece.error());
    if (piece->octets.empty()) co_return fail(Error::Kind::syntax, "auth: a piece of an answer is empty");
    encoded += piece->octets;
  }
  co_return ipc::decode<ipc::Resolution>(encoded);
}

Task<Result<std::shared_ptr<const ipc::Resolution>>> DirectoryClient::resolve(std::string address) {
  if (auto known = find(resolutions_, address)) co_return known;
  ipc::Resolve request;
  request.address = address;
  Result<ipc::Resolution> answer = co_await client_.call(std::move(request), Deadline::after(kPatience));
  if (!answer) co_return fail(answer.error());
  if (answer->longAnswer != 0) {
    Result<ipc::Resolution> whole = co_await gather(answer->longAnswer, answer->octets);
    answer = std::move(whole);
    if (!answer) co_return fail(answer.error());
  }
  auto resolution = std::make_shared<const ipc::Resolution>(std::move(*answer));
  const bool isYes = resolution->kind == ipc::Resolution::Kind::local || resolution->kind == ipc::Resolution::Kind::remote;
  if (isYes) keep(resolutions_, address, resolution);
  const std::string domain = domainOf(address);
  if (resolution->kind == ipc::Resolution::Kind::remote && !domain.empty()) keep(domains_, domain, elsewhere());
  co_return resolution;
}

Task<bool> DirectoryClient::isAnswering(Deadline deadline) {
  ipc::WhoIs nobodys;
  const Result<ipc::Identity> answer = co_await client_.call(std::move(nobodys), deadline);
  co_return answer.has_value();
}

Task<Result<std::shared_ptr<const ipc::Identity>>> DirectoryClient::whoIs(std::string token) {
  if (auto known = find(identities_, token)) co_return known;
  ipc::WhoIs request;
  request.token = token;
  Result<ipc::Identity> answer = co_await client_.call(std::move(request), Deadline::after(kPatience));
  if (!answer) co_return fail(answer.error());
  auto identity = std::make_shared<const ipc::Identity>(std::move(*answer));
  if (identity->known) keep(identities_, token, identity);
  co_return identity;
}

}  // namespace ostler::spool
