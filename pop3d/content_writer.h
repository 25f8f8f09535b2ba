// content_writer.h - a message on its way to the client: octet by octet as stored, dots doubled, ended by a dot.
// RFC 1939 3 (multi-line responses), 7 (TOP).
#pragma once

#include "libmailcore/async/pool.h"
#include "libmailcore/net/connection.h"
#include "pop3d/reply.h"

namespace ostler::pop3 {

/// Doubles the dots at line starts of content that comes in pieces, and counts lines for TOP. Pure.
/// A dot behind a bare LF is doubled too: most clients take LF for a line end, and would take such a dot for the end.
class DotStuffer {
 public:
  /// `bodyLines`: TOP's limit.
  explicit DotStuffer(std::optional<std::uint64_t> bodyLines) : linesLeft_(bodyLines) {}
  /// Appends the piece as it is sent.
  void add(std::string_view piece, std::string& out);
  /// TOP's lines are complete: nothing more is wanted.
  [[nodiscard]] bool done() const { return done_; }
  /// Appends the CRLF that the last line lacks, and the final dot.
  void finish(std::string& out) const;

 private:
  void line(std::string_view line, std::string& out);
  std::optional<std::uint64_t> linesLeft_;  // of the body
  bool inBody_ = false;
  bool lineStart_ = true;
  bool lineHasText_ = false;  // an unfinished line, without a CR at its end
  bool crBefore_ = false;
  bool done_ = false;
};

class ContentWriter {
 public:
  ContentWriter(net::Connection& connection, Pool& reading) : connection_(connection), reading_(reading) {}
  /// Writes `statusLine` and the content; reads its start first, so that an error there can still be told.
  /// Errors: before anything was written those of ContentSource::read; afterwards always closed: the connection cannot
  /// go on.
  [[nodiscard]] Task<Result<void>> write(std::string statusLine, Content content, Deadline deadline);

 private:
  [[nodiscard]] Task<Result<std::string>> read(std::shared_ptr<const store::ContentSource> source, std::uint64_t offset,
                                               std::size_t length);
  [[nodiscard]] Task<Result<void>> writePlain(Content content, std::string piece, Deadline deadline);
  [[nodiscard]] Task<Result<void>> writeStuffed(Content content, std::string piece, Deadline deadline);
  [[nodiscard]] Task<Result<std::uint64_t>> sendFile(const Content& content, std::uint64_t from, Deadline deadline);
  [[nodiscard]] Task<Result<void>> flushIfFull(Deadline deadline);
  net::Connection& connection_;
  Pool& reading_;
};

}  // namespace ostler::pop3
