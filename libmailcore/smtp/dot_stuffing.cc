#include "libmailcore/smtp/dot_stuffing.h"

#include <cstring>

namespace ostler::smtp {
namespace {

std::size_t findOr(std::string_view text, char c, std::size_t from, std::size_t otherwise) {
  const void* const found = from < text.size() ? std::memchr(text.data() + from, c, text.size() - from) : nullptr;
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : otherwise;
}

// From `at` on, how far there is nothing to look at: lines that end in CRLF and begin without a dot. In whole blocks, each gone
// through without a branch, which the compiler makes a few vector instructions: most of most mail is such. Mind the octet before `at`.
std::size_t plainUntil(std::string_view octets, std::size_t at) {
  constexpr std::size_t kPlainBlock = 64;
  while (at + kPlainBlock < octets.size()) {
    const char* const block = octets.data() + at;
    unsigned char special = 0;
    for (std::size_t n = 0; n < kPlainBlock; ++n) {
      const char c = block[n], next = block[n + 1];
      const bool bareEnd = (c == '\r') != (next == '\n');
      const bool dotLine = (c == '\n') & (next == '.');
      special = static_cast<unsigned char>(special | bareEnd | dotLine);
    }
    if (special != 0) break;
    at += kPlainBlock;
  }
  return at;
}

}  // namespace

// Octets are copied in runs; the states are walked octet by octet only around line ends. Withheld octets: the dot in
// `dot`, the dot and the CR in `dotCr`.
std::size_t DotUnstuffer::take(std::string_view octets, std::string& content) {
  std::size_t at = 0;
  std::size_t run = 0;  // [run, at) is content not yet copied
  std::size_t lf = 0;   // the next LF if it is at or behind `at`: looked for once, however many CRs come before it
  bool looked = false;
  const auto copyRun = [&] { content.append(octets, run, at - run); };
  while (at < octets.size() && state_ != State::done) {
    const char c = octets[at];
    switch (state_) {
      case State::lineStart:
        if (c == '.') {
          copyRun();
          run = ++at;
          state_ = State::dot;
        } else {
          state_ = State::middle;
        }
        break;
      case State::dot:
        if (c == '\r') {
          run = ++at;
          state_ = State::dotCr;
        } else {
          state_ = State::middle;  // the dot was put in front by the sender
        }
        break;
      case State::dotCr:
        if (c == '\n') {
          run = ++at;
          state_ = State::done;
        } else {
          content += '\r';  // it belonged to the content, and it is bare
          bare_ = true;
          run = at;
          state_ = State::middle;
        }
        break;
      case State::middle: {
        if (const std::size_t plain = c == '\n' ? at : plainUntil(octets, at); plain > at) {
          at = plain;
          const char last = octets[at - 1];
          state_ = last == '\r' ? State::cr : last == '\n' ? State::lineStart : State::middle;
          break;
        }
        if (!looked || lf < at) lf = findOr(octets, '\n', at, octets.size());
        looked = true;
        const std::size_t cr = findOr(octets.substr(0, lf), '\r', at, lf);
        if (cr < lf) {
          at = cr + 1;
          state_ = State::cr;
        } else if (lf < octets.size()) {
          at = lf + 1;
          bare_ = true;
        } else {
          at = octets.size();
        }
        break;
      }
      case State::cr:
        if (c == '\n') {
          ++at;
          state_ = State::lineStart;
        } else {
          bare_ = true;
          state_ = State::middle;
        }
        break;
      case State::done:
        break;
    }
  }
  copyRun();
  return at;
}

void DotStuffer::add(std::string_view content, std::string& out) {
  out.reserve(out.size() + content.size() + content.size() / 64 + 8);
  std::size_t at = 0;
  std::size_t lf = findOr(content, '\n', 0, content.size());
  while (at < content.size()) {
    if (cr_) {
      out += "\r\n";
      cr_ = false;
      lineStart_ = true;
      if (content[at] == '\n') ++at;
      continue;
    }
    if (lineStart_ && content[at] == '.') out += '.';
    lineStart_ = false;
    if (const std::size_t plain = content[at] == '\n' ? at : plainUntil(content, at); plain > at) {
      cr_ = content[plain - 1] == '\r';
      lineStart_ = content[plain - 1] == '\n';
      out.append(content, at, plain - at - (cr_ ? 1 : 0));
      at = plain;
      continue;
    }
    if (lf < at) lf = findOr(content, '\n', at, content.size());
    const std::size_t end = findOr(content.substr(0, lf), '\r', at, lf);
    out.append(content, at, end - at);
    if (end == content.size()) return;
    at = end + 1;
    if (content[end] == '\r') {
      cr_ = true;
    } else {
      out += "\r\n";
      lineStart_ = true;
    }
  }
}

void DotStuffer::finish(std::string& out) {
  if (!lineStart_ || cr_) out += "\r\n";
  out += ".\r\n";
  lineStart_ = true;
  cr_ = false;
}

}  // namespace ostler::smtp
