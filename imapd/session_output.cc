// Large answers out: what was rendered, with content read piece by piece as fast as the client takes it.
#include <array>

#include "imapd/session.h"

namespace ostler::imap {
namespace {

constexpr std::size_t kPiece = 256U << 10;
constexpr std::size_t kDirect = 64U << 10;

}  // namespace

Task<Result<void>> Session::send(const Output& output) {
  std::size_t sent = 0;
  const std::string_view text = output.text;
  for (const Output::Insert& insert : output.inserts) {
    write(text.substr(sent, insert.at - sent));
    sent = insert.at;
    const Result<void> content = co_await sendContent(insert);
    if (!content) co_return content;
  }
  const Result<void> done = co_await sendText(text.substr(sent));
  co_return done;
}

// Much of it leaves from where it lies, without a copy to the connection's buffer.
Task<Result<void>> Session::sendText(std::string_view text) {
  if (text.size() < kDirect) {
    write(text);
    if (connection_.bufferedOutput() < kDirect) co_return Result<void>();
    const Result<void> flushed = co_await connection_.flush(outputDeadline());
    co_return flushed;
  }
  const Result<void> flushed = co_await connection_.flush(outputDeadline());
  if (!flushed) co_return flushed;
  const std::array<std::string_view, 1> parts{text};
  const Result<void> written = co_await connection_.stream().write(parts, outputDeadline());
  if (written) sentDirectly_ += text.size();
  co_return written;
}

// From the page cache on the loop, else on the reading pool.
Task<Result<void>> Session::sendContent(const Output::Insert& insert) {
  struct Piece {
    std::shared_ptr<const store::ContentSource> source;
    std::uint64_t offset;
    std::string octets;
  };
  const auto piece = std::make_shared<Piece>();
  piece->source = insert.source;
  for (std::uint64_t at = 0; at < insert.range.length; at += piece->octets.size()) {
    piece->offset = insert.range.offset + at;
    piece->octets.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, insert.range.length - at)));
    if (!piece->source->readNow(piece->offset, piece->octets)) {
      const auto read = [piece] { return piece->source->read(piece->offset, piece->octets); };
      const Result<void> done = co_await worker_.reading.run(worker_.loop, read);
      if (!done) co_return done;
    }
    const Result<void> sent = co_await sendText(piece->octets);
    if (!sent) co_return sent;
  }
  co_return Result<void>();
}

}  // namespace ostler::imap
