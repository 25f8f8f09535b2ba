#include "imapd/grammar/mailbox_name.h"

#include <cstdint>

#include "libmailcore/base/ascii.h"
#include "libmailcore/store/names.h"

#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

// Base64 of RFC 3501 5.1.3: "," instead of "/", no padding.
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
constexpr std::size_t kMaxWire = 4'000;

bool isDirect(char c) {
  return c >= 0x20 && c <= 0x7e;
}

void appendUtf8(std::string& out, std::uint32_t c) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The next character of valid UTF-8; moves `at` behind it.
std::uint32_t takeUtf8(std::string_view text, std::size_t& at) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = octet(at);
  const unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  std::uint32_t c = more == 0 ? first : first & (0x3fU >> more);
  for (unsigned i = 1; i <= more; ++i) c = (c << 6) | (octet(at + i) & 0x3fU);
  at += more + 1;
  return c;
}

// Writes UTF-16 as base64.
class Shifted {
 public:
  explicit Shifted(std::string& out) : out_(out) { out_ += '&'; }
  void add(std::uint32_t c) {
    if (c >= 0x10000) {
      unit(0xd800 + ((c - 0x10000) >> 10));
      unit(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      unit(c);
    }
  }
  void finish() {
    if (bits_ > 0) out_ += kAlphabet[(held_ << (6 - bits_)) & 0x3f];
    out_ += '-';
  }

 private:
  void unit(std::uint32_t value) {
    held_ = (held_ << 16) | value;
    bits_ += 16;
    for (; bits_ >= 6; bits_ -= 6) out_ += kAlphabet[(held_ >> (bits_ - 6)) & 0x3f];
  }
  std::string& out_;
  std::uint64_t held_ = 0;
  unsigned bits_ = 0;
};

Result<std::string> decodeName(std::string_view wire, NameForm form) {
  if (form == NameForm::utf7 && isAllAscii(wire)) return decodeUtf7(wire);
  // A client that sends bare UTF-8 without having asked for it means just that.
  if (!isValidUtf8(wire)) return fail(Error::Kind::syntax, "Mailbox name is not UTF-8");
  return std::string(wire);
}

void upperInbox(std::string& name) {
  if (startsWithIgnoreCase(name, "INBOX") && (name.size() == 5 || name[5] == '/')) name.replace(0, 5, "INBOX");
}

}  // namespace

Result<std::string> decodeUtf7(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!isDirect(text[at])) return fail(Error::Kind::syntax, "Mailbox name is not modified UTF-7");
    if (text[at] != '&') {
      out += text[at];
      continue;
    }
    std::uint32_t held = 0;
    unsigned bits = 0;
    std::uint32_t high = 0;
    for (++at; at < text.size() && text[at] != '-'; ++at) {
      const std::size_t value = kAlphabet.find(text[at]);
      if (value == std::string_view::npos) return fail(Error::Kind::syntax, "Mailbox name is not modified UTF-7");
      held = (held << 6) | static_cast<std::uint32_t>(value);
      bits += 6;
      if (bits < 16) continue;
      bits -= 16;
      const std::uint32_t unit = (held >> bits) & 0xffff;
      held &= (1U << bits) - 1;
      if (unit >= 0xd800 && unit < 0xdc00) {
        high = unit;
      } else if (high != 0) {
        appendUtf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        high = 0;
      } else {
        appendUtf8(out, unit);
      }
    }
    if (at < text.size() && text[at - 1] == '&') out += '&';  // "&-"
  }
  // One check for everything that is not canonical: bits left over, a shift for ASCII, lone surrogates, a missing "-".
  if (!isValidUtf8(out) || encodeUtf7(out) != text) {
    return fail(Error::Kind::syntax, "Mailbox name is not modified UTF-7");
  }
  return out;
}

std::string encodeUtf7(std::string_view utf8) {
  std::string out;
  for (std::size_t at = 0; at < utf8.size();) {
    if (isDirect(utf8[at])) {
      out += utf8[at];
      if (utf8[at++] == '&') out += '-';
      continue;
    }
    Shifted shifted(out);
    while (at < utf8.size() && !isDirect(utf8[at])) shifted.add(takeUtf8(utf8, at));
    shifted.finish();
  }
  return out;
}

Result<std::string> mailboxNameFromWire(std::string_view wire, NameForm form) {
  if (wire.ends_with(store::kSeparator)) wire.remove_suffix(1);
  if (wire.size() > kMaxWire) return fail(Error::Kind::limit, "Mailbox name is too long");
  Result<std::string> name = decodeName(wire, form);
  if (!name) return name;
  return store::canonicalName(*name);
}

std::string patternFromWire(std::string_view wire, NameForm form) {
  Result<std::string> name = decodeName(wire, form);
  std::string pattern = name ? std::move(*name) : std::string(wire);
  upperInbox(pattern);
  return pattern;
}

void appendMailboxName(std::string& out, std::string_view name, NameForm form) {
  appendAstring(out, form == NameForm::utf7 ? encodeUtf7(name) : std::string(name));
}

}  // namespace ostler::imap
