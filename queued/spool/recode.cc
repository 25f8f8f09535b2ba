#include "queued/spool/recode.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "libmailcore/message/binary.h"
#include "libmailcore/message/seven_bit.h"
#include "queued/spool/large_files.h"

namespace ostler::spool {

bool hasHighOctet(std::string_view octets) {
  unsigned char all = 0;
  for (const char c : octets) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return all > 127;
}

Result<std::string> asLines(std::string_view content) {
  std::string lines = message::withoutBinary(content);
  if (lines != content && message::isSigned(content)) {
    return fail(Error::Kind::permanent, "The message is signed, and its binary parts cannot be made into lines without breaking the signature");
  }
  return lines;
}

Result<Recoded> recodeFile(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(Error::Kind::temporary, std::string("fstat: ") + std::strerror(errno));
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::pread(fd, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Error::Kind::temporary, "a draft cannot be read back");
    done += static_cast<std::size_t>(got);
  }
  const Result<std::string> converted = asLines(content);
  if (!converted) return fail(converted.error());
  const std::string& lines = *converted;
  content = {};
  if (::ftruncate(fd, 0) != 0 || ::lseek(fd, 0, SEEK_SET) != 0) {
    return fail(Error::Kind::temporary, std::string("ftruncate: ") + std::strerror(errno));
  }
  const Result<void> written = writeAll(fd, lines);
  if (!written) return fail(written.error());
  return Recoded{lines.size(), lines.substr(0, 64 * 1024), hasHighOctet(lines)};
}

}  // namespace ostler::spool
