// result.h - Error and Result<T>: everything that happens in a working system is a value.
// Is not: exceptions. Those are for what a correct program on a sound machine never sees.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace ostler {

/// What went wrong, sorted by what the caller can do about it.
struct Error {
  enum class Kind {
    syntax,          ///< the input is not of the grammar: refuse it
    limit,           ///< larger, longer or more than allowed: refuse it, or ask to come back (full)
    notFound,        ///< no such thing
    exists,          ///< there already
    denied,          ///< the caller may not
    temporary,       ///< may work later: 4xx, NO [UNAVAILABLE]
    permanent,       ///< will not work later either: 5xx
    timeout,         ///< a deadline passed
    closed,          ///< the peer is gone
    interrupted,     ///< a wait was ended by interruptRead(); nothing was lost, the same call may be made again
    outcomeUnknown,  ///< it may or may not have happened: ask again with the same id
  };
  Kind kind = Kind::temporary;
  std::string detail;  ///< for the log: what, where, remedy. Never sent to a peer.

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Makes the failed Result that a function returns: `return fail(Error::Kind::syntax, "xtext: bad octet");`
[[nodiscard]] inline tl::unexpected<Error> fail(Error::Kind kind, std::string detail) {
  return tl::unexpected<Error>(Error{kind, std::move(detail)});
}

/// Passes an error on unchanged: `if (!x) return fail(x.error());`
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace ostler
