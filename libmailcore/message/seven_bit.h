// seven_bit.h - content with octets above 127 as content without: what a server without 8BITMIME can take. Pure.
// Is not: a header that needs SMTPUTF8 (RFC 6531). One that came with such octets all the same, as many programs write it, has its text
// and the names beside its addresses written as encoded-words; in fields that cannot have these, and in addresses, they stay.
// RFC 6152 3 (the sender converts or returns), RFC 2045 6 (encodings), RFC 2047 5, RFC 1428 (text whose charset nobody named).
#pragma once

#include <string>
#include <string_view>

namespace ostler::message {

enum class HeaderOctets { encoded, asTheyAre };

/// Text parts become quoted-printable, others base64; parts that are encoded already or have no such octet stay as they are.
[[nodiscard]] std::string toSevenBit(std::string_view content, HeaderOctets header = HeaderOctets::encoded);
/// Would converting it break a signature: DKIM-Signature (RFC 6376), multipart/signed (RFC 1847), S/MIME's opaque form does not
/// mind. The header and the parts of `content` are looked at.
[[nodiscard]] bool isSigned(std::string_view content);

}  // namespace ostler::message
