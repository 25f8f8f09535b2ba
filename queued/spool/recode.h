// recode.h - BINARYMIME ends here: what came in binary is queued as lines, so that every mailbox and next hop can take it.
// RFC 3030 3. Blocks: for the pool.
#pragma once

#include <string>

#include "libmailcore/base/result.h"

namespace ostler::spool {

struct Recoded {
  std::uint64_t size = 0;
  std::string head;  ///< the first 64 KiB
  bool hasEightBit = false;
};
/// The content without binary octets. Errors: permanent (it is signed, and lines would break the signature).
[[nodiscard]] Result<std::string> asLines(std::string_view content);
/// Rewrites the content of a draft's file, from its start. Errors: as asLines(); temporary (the disk): the file is of no use then.
[[nodiscard]] Result<Recoded> recodeFile(int fd);

[[nodiscard]] bool hasHighOctet(std::string_view octets);

}  // namespace ostler::spool
