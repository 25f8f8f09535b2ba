#include "libmailcore/message/address_list.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

/// The words before a '<', '@', ':' or ','; which of the three things they are is known only then.
struct Words {
  std::string phrase;  // all of them, one blank where there were some
  std::string last;    // the last run of words joined by dots: a local part, if '@' follows
  std::size_t phraseBeforeLast = 0;
  bool empty = true;

  void add(std::string_view word, bool blankBefore) {
    const bool joins = !empty && (!blankBefore || word.front() == '.' || last.ends_with('.'));
    if (!joins) {
      phraseBeforeLast = phrase.size();
      last.clear();
    }
    if (!empty && blankBefore) phrase += ' ';
    phrase += word;
    last += word;
    empty = false;
  }
};

class AddressParser {
 public:
  explicit AddressParser(std::string_view raw) : in_(raw) {}

  AddressList list() {
    while (!in_.atEnd()) {
      element();
      if (!in_.accept(',')) {
        if (in_.accept(';')) closeGroup();
      }
    }
    closeGroup();
    return std::move(out_);
  }

 private:
  // One of `phrase <addr-spec>`, `addr-spec (comment)`, `phrase:` up to the delimiter behind it.
  void element() {
    in_.forgetComment();
    Words words;
    bool blank = in_.skipCfws();
    for (; !in_.atEnd(); blank = in_.skipCfws()) {
      const char c = in_.peek();
      if (c == ',' || c == ';') break;
      if (c == '<') return angle(words.phrase);
      if (c == '@') return bare(words);
      if (c == ':' && !group_) return openGroup(words.phrase);
      word(words, blank);
    }
    if (words.empty) return;
    Mailbox lone;  // a user name alone, as local programs write it
    lone.localPart = words.phrase;
    lone.displayName = in_.lastComment();
    add(std::move(lone));
  }

  void word(Words& words, bool blank) {
    if (in_.peek() == '"') {
      std::string text;
      in_.quotedString(text);
      if (!text.empty()) words.add(text, blank);
      return;
    }
    if (const std::size_t encoded = encodedWordLength(in_.rest());
        encoded > 0) {  // may hold specials, against the rules
      words.add(in_.rest().substr(0, encoded), blank);
      return in_.skip(encoded);
    }
    if (in_.peek() == '\\') in_.skip();
    const std::string_view atom = in_.atom();
    if (!atom.empty()) return words.add(atom, blank);
    if (in_.peek() != '>' && in_.peek() != ')' && !isBlank(in_.peek())) words.add(in_.rest().substr(0, 1), blank);
    in_.skip();
  }

  // angle-addr = "<" [obs-route] addr-spec ">"
  void angle(const std::string& phrase) {
    Mailbox mailbox;
    mailbox.displayName = phrase;
    in_.skip();
    in_.skipCfws();
    if (in_.peek() == '@' || in_.peek() == ',') route(mailbox.route);
    Words words;
    bool blank = in_.skipCfws();
    for (; !in_.atEnd() && in_.peek() != '>' && in_.peek() != '@' && in_.peek() != ','; blank = in_.skipCfws()) {
      word(words, blank);
    }
    mailbox.localPart = words.phraseBeforeLast == 0 ? words.last : words.phrase;
    if (in_.accept('@')) domain(mailbox.domain);
    finish(std::move(mailbox));
  }

  // addr-spec without brackets; words before the local part are a display name that lacks its brackets
  void bare(Words& words) {
    Mailbox mailbox;
    mailbox.localPart = std::move(words.last);
    mailbox.displayName = words.phrase.substr(0, words.phraseBeforeLast);
    in_.skip();
    domain(mailbox.domain);
    finish(std::move(mailbox));
  }

  // obs-route = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":"
  void route(std::string& out) {
    while (!in_.atEnd() && in_.peek() != ':' && in_.peek() != '>') {
      const char c = in_.peek();
      if (c == '[') {
        in_.domainLiteral(out);
      } else {
        if (!isBlank(c)) out += c;
        in_.skip();
      }
      in_.skipCfws();
    }
    in_.accept(':');
  }

  void domain(std::string& out) {
    for (in_.skipCfws(); !in_.atEnd(); in_.skipCfws()) {
      if (in_.peek() == '[' && out.empty()) return in_.domainLiteral(out);
      if (!out.empty() && !out.ends_with('.') && in_.peek() != '.') return;
      const std::string_view atom = in_.atom();
      if (atom.empty()) return;
      out += atom;
    }
  }

  // Goes to the delimiter; a comment on the way names the mailbox when nothing else does.
  void finish(Mailbox mailbox) {
    for (in_.skipCfws(); !in_.atEnd() && in_.peek() != ',' && in_.peek() != ';'; in_.skipCfws()) {
      std::string ignored;
      if (in_.peek() == '"') {
        in_.quotedString(ignored);
      } else {
        in_.skip();
      }
    }
    if (mailbox.displayName.empty()) mailbox.displayName = in_.lastComment();
    add(std::move(mailbox));
  }

  void openGroup(const std::string& name) {
    in_.skip();
    group_.emplace();
    group_->displayName = name;
  }
  void closeGroup() {
    if (group_) out_.emplace_back(std::move(*group_));
    group_.reset();
  }
  void add(Mailbox mailbox) {
    if (group_) {
      group_->members.push_back(std::move(mailbox));
    } else {
      out_.emplace_back(std::move(mailbox));
    }
  }

  Lexer in_;
  AddressList out_;
  std::optional<Group> group_;
};

bool isDotAtom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::all_of(text.begin(), text.end(), isAtomOctet);
}

std::string quotedString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (isAsciiControl(c) && c != '\t') continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string writePhrase(std::string_view text, HeaderCharset charset) {
  if (charset == HeaderCharset::ascii && !isAllAscii(text)) return encodeWords(text);
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || (isAtomOctet(c) && c != '.'); });
  return plain && text == trim(text) ? std::string(text) : quotedString(text);
}

std::string writeGroup(const Group& group, HeaderCharset charset) {
  std::string out = writePhrase(group.displayName, charset) + ":";
  const char* separator = " ";
  for (const Mailbox& member : group.members) {
    out += separator + writeMailbox(member, charset);
    separator = ", ";
  }
  return out + ";";
}

}  // namespace

std::string Mailbox::address() const {
  std::string out = isDotAtom(localPart) ? localPart : quotedString(localPart);
  if (!domain.empty()) out += "@" + domain;
  return out;
}

AddressList parseAddressList(std::string_view raw) {
  return AddressParser(raw).list();
}

std::vector<Mailbox> mailboxesOf(const AddressList& list) {
  std::vector<Mailbox> out;
  for (const Address& address : list) {
    if (const auto* const mailbox = std::get_if<Mailbox>(&address)) {
      out.push_back(*mailbox);
    } else {
      const std::vector<Mailbox>& members = std::get<Group>(address).members;
      out.insert(out.end(), members.begin(), members.end());
    }
  }
  return out;
}

std::string writeMailbox(const Mailbox& mailbox, HeaderCharset charset) {
  if (mailbox.displayName.empty()) return mailbox.address();
  return writePhrase(mailbox.displayName, charset) + " <" + mailbox.address() + ">";
}

std::string writeAddressList(const AddressList& list, std::size_t column, HeaderCharset charset) {
  constexpr std::size_t kLongestLine = 78;
  std::string out;
  for (const Address& address : list) {
    const auto* const mailbox = std::get_if<Mailbox>(&address);
    const std::string text = mailbox ? writeMailbox(*mailbox, charset) : writeGroup(std::get<Group>(address), charset);
    if (!out.empty()) {
      const bool fold = column + text.size() + 3 > kLongestLine;
      out += fold ? ",\r\n " : ", ";
      column = fold ? 1 : column + 2;
    }
    out += text;
    column += text.size();
  }
  return out;
}

}  // namespace ostler::message
