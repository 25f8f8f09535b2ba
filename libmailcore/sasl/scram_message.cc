#include "libmailcore/sasl/scram_message.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kMostScram = 16 * 1024;

tl::unexpected<Error> malformed(const char* what) {
  return fail(Error::Kind::syntax, std::string("SCRAM: ") + what);
}

// printable = %x21-2B / %x2D-7E: all but comma. RFC 5802 7
bool isNonce(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != ','; });
}

/// Takes "x=value" up to the next comma (or the end) off `in`. Nothing if another attribute stands there.
std::optional<std::string_view> takeAttribute(std::string_view& in, char name) {
  if (in.size() < 2 || in[0] != name || in[1] != '=') return std::nullopt;
  const std::size_t comma = std::min(in.find(','), in.size());
  const std::string_view value = in.substr(2, comma - 2);
  in.remove_prefix(std::min(comma + 1, in.size()));
  return value;
}

bool isCbName(std::string_view text) {  // cb-name = 1*(ALPHA / DIGIT / "." / "-")
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return isAsciiAlnum(c) || c == '.' || c == '-'; });
}

/// gs2-header = gs2-cbind-flag "," [ authzid ] ","  : taken off `in`.
Result<void> takeGs2Header(std::string_view& in, ClientFirst& out) {
  if (in.substr(0, 2) == "p=") {
    const auto type = takeAttribute(in, 'p');
    if (!isCbName(*type)) return malformed("bad channel binding name");
    out.bindingFlag = 'p';
    out.bindingType = *type;
  } else if (in.substr(0, 2) == "n," || in.substr(0, 2) == "y,") {
    out.bindingFlag = in[0];
    in.remove_prefix(2);
  } else {
    return malformed("no gs2 header");
  }
  if (in.substr(0, 1) == ",") {
    in.remove_prefix(1);
    return {};
  }
  const auto authorizationId = takeAttribute(in, 'a');
  if (!authorizationId) return malformed("bad gs2 header");
  Result<std::string> decoded = decodeSaslName(*authorizationId);
  if (!decoded) return fail(decoded.error());
  out.authorizationId = std::move(*decoded);
  return {};
}

}  // namespace

Result<std::string> decodeSaslName(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ',' || text[at] == '\0') return malformed("bad character in a name");
    if (text[at] != '=') {
      out += text[at];
      continue;
    }
    const std::string_view code = text.substr(at + 1, 2);
    if (code != "2C" && code != "3D") return malformed("an equals sign that is not =2C or =3D");
    out += code == "2C" ? ',' : '=';
    at += 2;
  }
  if (out.empty() || !isValidUtf8(out)) return malformed("a name that is empty or not UTF-8");
  return out;
}

std::string encodeSaslName(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
  return out;
}

// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
Result<ClientFirst> parseClientFirst(std::string_view data) {
  if (data.size() > kMostScram) return malformed("too long");
  ClientFirst out;
  std::string_view in = data;
  const Result<void> header = takeGs2Header(in, out);
  if (!header) return fail(header.error());
  out.gs2Header = data.substr(0, data.size() - in.size());
  out.bare = in;
  if (in.substr(0, 2) == "m=") return malformed("a mandatory extension we do not know");
  const auto user = takeAttribute(in, 'n');
  if (!user) return malformed("no user name");
  Result<std::string> decoded = decodeSaslName(*user);
  if (!decoded) return fail(decoded.error());
  out.user = std::move(*decoded);
  const auto nonce = takeAttribute(in, 'r');
  if (!nonce || !isNonce(*nonce)) return malformed("no nonce");
  out.nonce = *nonce;
  return out;  // extensions are ignored: RFC 5802 5.1
}

// client-final-message = channel-binding "," nonce ["," extensions] "," proof
Result<ClientFinal> parseClientFinal(std::string_view data) {
  if (data.size() > kMostScram) return malformed("too long");
  ClientFinal out;
  const std::size_t lastComma = data.rfind(',');
  if (lastComma == data.npos) return malformed("no proof");
  out.withoutProof = data.substr(0, lastComma);
  std::string_view end = data.substr(lastComma + 1);
  const auto proof = takeAttribute(end, 'p');
  std::string_view in = out.withoutProof;
  const auto binding = takeAttribute(in, 'c');
  if (!proof || !binding) return malformed("no proof or no channel binding");
  const auto nonce = takeAttribute(in, 'r');
  if (!nonce || !isNonce(*nonce)) return malformed("no nonce");
  Result<std::string> bindingOctets = decodeBase64(*binding);
  Result<std::string> proofOctets = decodeBase64(*proof);
  if (!bindingOctets || !proofOctets) return malformed("bad base64");
  out.nonce = *nonce;
  out.channelBinding = std::move(*bindingOctets);
  out.proof = std::move(*proofOctets);
  return out;
}

std::string formatServerFirst(std::string_view nonce, std::string_view salt, std::uint32_t iterations) {
  return "r=" + std::string(nonce) + ",s=" + encodeBase64(salt) + ",i=" + std::to_string(iterations);
}

}  // namespace ostler::sasl
