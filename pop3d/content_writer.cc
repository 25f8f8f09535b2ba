#include "pop3d/content_writer.h"

#include <algorithm>

namespace ostler::pop3 {
namespace {

constexpr std::size_t kPiece = 64 * 1024;  // read and written at a time
constexpr std::uint64_t kSendFileFrom =
    256 * 1024;  // below this one read and one write for several messages is cheaper
constexpr std::uint64_t kFilePiece = 1024 * 1024;

/// For errors behind the status line: the client would take what follows for the message.
tl::unexpected<Error> cutOff(const Error& error) {
  return fail(Error::Kind::closed, "inside a message: " + error.detail);
}

}  // namespace

void DotStuffer::add(std::string_view piece, std::string& out) {
  while (!piece.empty() && !done_) {
    const std::size_t lf = piece.find('\n');
    const std::size_t length = lf == std::string_view::npos ? piece.size() : lf + 1;
    line(piece.substr(0, length), out);
    piece.remove_prefix(length);
  }
}

// A line, or a part of one that was cut between two pieces.
void DotStuffer::line(std::string_view line, std::string& out) {
  if (lineStart_) {
    if (inBody_ && linesLeft_ && *linesLeft_ == 0) {
      done_ = true;
      return;
    }
    if (line.front() == '.') out += '.';
    lineHasText_ = false;
  }
  out += line;
  const bool ends = line.back() == '\n';
  const std::string_view text = line.substr(0, line.size() - (ends ? 1 : 0));
  lineHasText_ |= text != "\r" && !text.empty();
  crBefore_ = ends ? false : line.back() == '\r';
  lineStart_ = ends;
  if (!ends) return;
  if (inBody_ && linesLeft_) --*linesLeft_;
  if (!lineHasText_) inBody_ = true;  // the empty line behind the header
  if (inBody_ && linesLeft_ && *linesLeft_ == 0) done_ = true;
}

void DotStuffer::finish(std::string& out) const {
  if (!lineStart_) out += crBefore_ ? "\n" : "\r\n";
  out += ".\r\n";
}

Task<Result<std::string>> ContentWriter::read(std::shared_ptr<const store::ContentSource> source, std::uint64_t offset,
                                              std::size_t length) {
  std::string piece(length, '\0');
  if (source->readNow(offset, piece)) co_return piece;
  auto job = [source = std::move(source), offset, length]() -> Result<std::string> {
    std::string octets(length, '\0');
    const Result<void> got = source->read(offset, octets);
    if (!got) return fail(got.error());
    return octets;
  };
  Result<std::string> octets = co_await reading_.run(connection_.loop(), std::move(job));
  co_return octets;
}

Task<Result<void>> ContentWriter::flushIfFull(Deadline deadline) {
  if (connection_.bufferedOutput() < kPiece) co_return Result<void>();
  const Result<void> flushed = co_await connection_.flush(deadline);
  co_return flushed;
}

Task<Result<void>> ContentWriter::write(std::string statusLine, Content content, Deadline deadline) {
  const auto first = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, content.source->size()));
  Result<std::string> piece = co_await read(content.source, 0, first);
  if (!piece) co_return fail(piece.error());
  connection_.write(statusLine);
  const bool asItIs = !content.needsDotStuffing && !content.bodyLines;
  Result<void> written;
  if (asItIs) {
    written = co_await writePlain(std::move(content), std::move(*piece), deadline);
  } else {
    written = co_await writeStuffed(std::move(content), std::move(*piece), deadline);
  }
  if (!written) co_return cutOff(written.error());
  co_return Result<void>();
}

Task<Result<void>> ContentWriter::writePlain(Content content, std::string piece, Deadline deadline) {
  const std::uint64_t size = content.source->size();
  std::uint64_t sent = 0;
  for (;;) {
    connection_.write(piece);
    sent += piece.size();
    if (sent >= size) break;
    const Result<void> flushed = co_await flushIfFull(deadline);
    if (!flushed) co_return flushed;
    const Result<std::uint64_t> byFile = co_await sendFile(content, sent, deadline);
    if (!byFile) co_return fail(byFile.error());
    sent += *byFile;
    // The end is always read, to know whether it has a CRLF.
    const auto next = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size - sent));
    Result<std::string> more = co_await read(content.source, sent, next);
    if (!more) co_return fail(more.error());
    piece = std::move(*more);
  }
  if (!piece.empty() && !piece.ends_with("\r\n")) connection_.write(piece.ends_with('\r') ? "\n" : "\r\n");
  connection_.write(".\r\n");
  co_return co_await flushIfFull(deadline);
}

// Of a large message on a plaintext connection all but the last piece goes by sendfile. What the page cache does not
// have is read on the pool first: a loop never waits for a disk. Returns how many octets went.
Task<Result<std::uint64_t>> ContentWriter::sendFile(const Content& content, std::uint64_t from, Deadline deadline) {
  const std::uint64_t size = content.source->size();
  const std::optional<store::ContentSource::FileRange> file = content.source->file();
  if (!file || file->from > from || connection_.tls() || size - from < kSendFileFrom) co_return std::uint64_t{0};
  std::uint64_t at = from;
  while (size - at > kPiece) {
    const std::uint64_t length = std::min(kFilePiece, size - kPiece - at);
    char octet = 0;
    const std::span<char> one(&octet, 1);
    if (!content.source->readNow(at, one) || !content.source->readNow(at + length - 1, one)) {
      const Result<std::string> warmed = co_await read(content.source, at, static_cast<std::size_t>(length));
      if (!warmed) co_return fail(warmed.error());
    }
    const Result<void> written =
        co_await connection_.writeFile(file->fd, file->offset + (at - file->from), length, deadline);
    if (!written) co_return fail(written.error());
    at += length;
  }
  co_return at - from;
}

Task<Result<void>> ContentWriter::writeStuffed(Content content, std::string piece, Deadline deadline) {
  DotStuffer stuffer(content.bodyLines);
  const std::uint64_t size = content.source->size();
  std::uint64_t taken = 0;
  std::string out;
  for (;;) {
    out.clear();
    stuffer.add(piece, out);
    connection_.write(out);
    taken += piece.size();
    if (taken >= size || stuffer.done()) break;
    const Result<void> flushed = co_await flushIfFull(deadline);
    if (!flushed) co_return flushed;
    const auto next = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size - taken));
    Result<std::string> more = co_await read(content.source, taken, next);
    if (!more) co_return fail(more.error());
    piece = std::move(*more);
  }
  out.clear();
  stuffer.finish(out);
  connection_.write(out);
  co_return co_await flushIfFull(deadline);
}

}  // namespace ostler::pop3
