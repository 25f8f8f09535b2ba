#include "queued/auth/long_answers.h"

#include <utility>

namespace ostler::queued::auth {

ipc::Resolution LongAnswers::keep(std::uint64_t connection, std::string encoded) {
  if (answers_.size() >= kMost) answers_.erase(answers_.begin());
  ipc::Resolution answer;
  answer.longAnswer = ++last_;
  answer.octets = encoded.size();
  answers_.emplace(last_, Answer{connection, std::move(encoded)});
  return answer;
}

Result<ipc::ResolutionPiece> LongAnswers::piece(std::uint64_t connection, const ipc::ResolvePiece& request) {
  const auto found = answers_.find(request.longAnswer);
  const bool isTheirs = found != answers_.end() && found->second.connection == connection;
  if (!isTheirs || request.from >= found->second.encoded.size()) return fail(Error::Kind::notFound, "auth: there is no such piece of an answer");
  ipc::ResolutionPiece piece{found->second.encoded.substr(request.from, kPiece)};
  if (request.from + piece.octets.size() == found->second.encoded.size()) answers_.erase(found);
  return piece;
}

void LongAnswers::forget(std::uint64_t connection) {
  std::erase_if(answers_, [connection](const auto& row) { return row.second.connection == connection; });
}

}  // namespace ostler::queued::auth
