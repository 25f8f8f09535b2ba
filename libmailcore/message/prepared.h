// prepared.h - what the store keeps of a message beside its octets: made once at arrival, copied to clients ever after.
// One linear pass per aspect; a 10 KiB plain message takes a few microseconds.
// RFC 9051 7.5.2 (ENVELOPE, BODYSTRUCTURE), RFC 5256 (sort keys, threads).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ostler::message {

/// Raised whenever prepare() gives something else for the same content; what carries an older one is made anew.
inline constexpr std::uint16_t kPreparedVersion = 3;

/// What delivery and the fast paths need to know of the octets.
struct ContentFacts {
  std::uint64_t size = 0;
  std::uint64_t lines = 0;        ///< LFs
  bool needsDotStuffing = false;  ///< some line starts with a dot: RFC 5321 4.5.2
  bool isBinary = false;          ///< holds a NUL
  bool hasBareLineEnds = false;   ///< a CR or LF that is not part of CRLF
  bool endsWithLineEnd = true;    ///< ends in CRLF, or is empty
  bool has8Bit = false;           ///< an octet above 127 anywhere
  bool operator==(const ContentFacts&) const = default;
};
/// At memory speed.
[[nodiscard]] ContentFacts contentFacts(std::string_view content);

struct Prepared {
  std::uint16_t version = kPreparedVersion;
  std::string envelope;       ///< exactly as IMAP sends it, parentheses included
  std::string body;           ///< likewise, without extension data
  std::string bodyStructure;  ///< likewise, with

  std::string baseSubject;  ///< RFC 5256 2.1, case folded
  bool isReplyOrForward = false;
  std::string sortFrom;  ///< local part of the first mailbox (of a group: its name), case folded: RFC 5256 3
  std::string sortTo;
  std::string sortCc;
  std::string displayFrom;  ///< RFC 5957 3.1, case folded: display name, else the address
  std::string displayTo;
  std::int64_t sentMillis = 0;  ///< Date field, UTC; 0 when hasSentDate is false
  std::int32_t sentDay = 0;     ///< days since 1970-01-01 on the sender's calendar: SENTON, SENTBEFORE, SENTSINCE
  bool hasSentDate = false;

  std::string messageId;                ///< without angle brackets
  std::vector<std::string> references;  ///< oldest first, without angle brackets: RFC 5256 3

  /// Decoded and case folded, for SEARCH SUBJECT, FROM, TO, CC, BCC. All fields of a name, LF between them; an address
  /// field holds the decoded text and, where it says more, the plain addresses.
  std::string searchSubject;
  std::string searchFrom;
  std::string searchTo;
  std::string searchCc;
  std::string searchBcc;

  ContentFacts facts;
  bool hasUtf8Header = false;      ///< an octet above 127 in the header: RFC 6532
  std::uint64_t headerLength = 0;  ///< with the empty line: where BODY[TEXT] starts
};

/// Never fails, never throws on input.
[[nodiscard]] Prepared prepare(std::string_view content);

}  // namespace ostler::message
