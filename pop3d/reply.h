// reply.h - what a handler answers: a status line, and what follows it. One place writes it: Session::deliver().
// RFC 1939 3; RFC 2449 8 (response codes).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/store/store.h"

namespace ostler::pop3 {

/// A message to be sent behind the status line.
struct Content {
  std::shared_ptr<const store::ContentSource> source;
  bool needsDotStuffing = true;
  std::optional<std::uint64_t> bodyLines;  ///< TOP: no more than these; nothing: the whole message
};

struct Reply {
  enum class Status { ok, err };
  enum class Then { goOn, startTls, close };
  Status status = Status::ok;
  std::string text;                  ///< with its response code in front, "[IN-USE] ..."
  std::optional<std::string> lines;  ///< a multi-line response, each with CRLF, without the final dot
  std::optional<Content> content;
  Then then = Then::goOn;
};

[[nodiscard]] inline Reply ok(std::string text) {
  return {Reply::Status::ok, std::move(text), {}, {}, Reply::Then::goOn};
}
[[nodiscard]] inline Reply err(std::string text) {
  return {Reply::Status::err, std::move(text), {}, {}, Reply::Then::goOn};
}

/// Our errors in the words of the protocol. RFC 3206 4 (SYS/TEMP, SYS/PERM), RFC 2449 8.1.1 (IN-USE).
[[nodiscard]] inline Reply errFor(const Error& error) {
  switch (error.kind) {
    case Error::Kind::exists:
      return err("[IN-USE] Another session has this maildrop");
    case Error::Kind::notFound:
      return err("The message is gone");
    case Error::Kind::permanent:
    case Error::Kind::denied:
      return err("[SYS/PERM] This cannot be read; tell your administrator");
    default:
      return err("[SYS/TEMP] Not possible at the moment; try again later");
  }
}

}  // namespace ostler::pop3
