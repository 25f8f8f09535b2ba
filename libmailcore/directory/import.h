// import.h - many users at once, from lines of an address, a blank and a password (or its hash). All of them or none.
#pragma once

#include <cstddef>
#include <istream>

#include "libmailcore/directory/own/own_directory.h"

namespace ostler::directory {

enum class ImportColumn { password, hash };

struct ImportOutcome {
  std::size_t added = 0;
  std::size_t existed = 0;  ///< were there before; they stay as they are
};

/// Blank lines and lines that start with "#" are skipped. A password that stands in many lines is hashed once: hashing
/// is what an import costs, and whoever wrote the list knows that they are the same. One transaction. Errors: as
/// Edit::putUser, with the line.
[[nodiscard]] Result<ImportOutcome> importUsers(OwnDirectory& directory, std::istream& lines, ImportColumn column,
                                                const sasl::VerifierOptions& options = {});

}  // namespace ostler::directory
