// body_structure.h - BODY and BODYSTRUCTURE: the MIME structure as IMAP sends it. RFC 9051 7.5.2.
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/message/mime.h"

namespace ostler::message {

/// BODY has no extension data (MD5, disposition, language, location), BODYSTRUCTURE has all of it.
enum class BodyForm { body, bodyStructure };

/// REQUIRES: `structure` was parsed from `content`. Does not recurse.
void appendBodyStructure(std::string& out, const Structure& structure, std::string_view content, BodyForm form);

}  // namespace ostler::message
