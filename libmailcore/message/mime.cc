#include "libmailcore/message/mime.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/octet_scan.h"

namespace ostler::message {
namespace {

void takeContentField(Part& part, const HeaderField& field, bool& typeSeen) {
  constexpr std::string_view kPrefix = "Content-";
  if (!startsWithIgnoreCase(field.name, kPrefix)) return;
  const auto is = [&](std::string_view name) { return equalsIgnoreCase(field.name.substr(kPrefix.size()), name); };
  if (is("Type") && !typeSeen) {
    part.type = parseContentType(field.value);
    typeSeen = true;
  } else if (is("Transfer-Encoding") && part.encoding.empty()) {
    part.encoding = firstToken(field.value);
  } else if (is("Disposition") && part.disposition.type.empty()) {
    part.disposition = parseDisposition(field.value);
  } else if (is("ID") && part.id.empty()) {
    part.id = unfold(field.value);
  } else if (is("Description") && part.description.empty()) {
    part.description = unfold(field.value);
  } else if (is("MD5") && part.md5.empty()) {
    part.md5 = unfold(field.value);
  } else if (is("Location") && part.location.empty()) {
    part.location = unfold(field.value);
  } else if (is("Language") && part.languages.empty()) {
    part.languages = parseLanguages(field.value);
  }
}

std::string boundaryOf(const Part& part) {
  for (const Parameter& parameter : part.type.parameters) {
    if (equalsIgnoreCase(parameter.name, "boundary")) return std::string(trim(parameter.value));
  }
  return {};
}

/// A longer line is no delimiter; RFC 2046 5.1.1 has boundaries of 70 characters.
constexpr std::size_t kLongestDelimiter = 4096;

/// Walks over the content once, line by line where a boundary may be. The parts that are open form a stack; a boundary
/// is looked up among those of all open multiparts at once, so that nesting costs nothing per line.
class StructureParser {
 public:
  explicit StructureParser(Window& content) : content_(content) {}

  Structure parse() {
    beginPart(kNoPart);
    while (!boundaries_.empty()) {
      if (!goToDashes()) break;
      const std::optional<Delimiter> delimiter = delimiterAt(at_);
      if (delimiter && (delimiter->closing || out_.parts.size() < kMaxParts)) {
        pass(*delimiter);
      } else {
        goToNextLine();
      }
    }
    for (std::string_view rest = content_.from(at_); !rest.empty(); rest = content_.from(at_)) {
      lineFeeds_ += countLineFeeds(rest);
      at_ += rest.size();
    }
    closeAbove(0, content_.size());
    closeTop(content_.size(), lineFeeds_);
    return std::move(out_);
  }

 private:
  struct Open {
    PartIndex part = 0;
    PartIndex lastChild = kNoPart;
    std::uint64_t lineFeedsBefore = 0;  // before its body
    std::string boundary;               // empty: no multipart, or ended
  };
  struct Delimiter {
    std::size_t open = 0;  // index into open_
    bool closing = false;
    std::uint64_t lineEnd = 0;
    bool lineFeed = false;
  };

  Part& part(const Open& open) { return out_.parts[open.part]; }

  // A part and, when it is a message, the message inside, and so on. Ends at the start of a body.
  void beginPart(PartIndex parent) {
    while (true) {
      const auto index = static_cast<PartIndex>(out_.parts.size());
      out_.parts.emplace_back();
      link(index, parent);
      readHeader(out_.parts.back());
      Open open{index, kNoPart, lineFeeds_, {}};
      Part& made = out_.parts.back();
      if (made.kind == Part::Kind::multipart) {
        open.boundary = boundaryOf(made);
        boundaries_[open.boundary].push_back(open_.size());
      }
      open_.push_back(std::move(open));
      if (made.kind != Part::Kind::message) return;
      parent = index;
    }
  }

  void link(PartIndex index, PartIndex parent) {
    Part& made = out_.parts[index];
    made.parent = parent;
    made.isMessage = true;
    if (parent == kNoPart) return;
    Part& above = out_.parts[parent];
    made.depth = above.depth + 1;
    made.isMessage = above.kind == Part::Kind::message;
    PartIndex& last = open_.back().lastChild;
    (last == kNoPart ? above.firstChild : out_.parts[last].nextSibling) = index;
    last = index;
  }

  // The header ends at its empty line; or, broken, at a boundary or the end.
  void readHeader(Part& made) {
    made.header.offset = at_;
    while (at_ < content_.size()) {
      const bool isEmpty = isAt("\n") || isAt("\r\n");
      if (!isEmpty && !boundaries_.empty() && isAt("--") && delimiterAt(at_)) break;
      goToNextLine();
      if (isEmpty) break;
    }
    made.header.length = at_ - made.header.offset;
    made.body.offset = at_;
    bool typeSeen = false;
    for (const HeaderField& field : HeaderView(content_.octets(made.header)))
      takeContentField(made, field, typeSeen);
    if (!typeSeen && made.parent != kNoPart && out_.parts[made.parent].type.is("multipart", "digest")) {
      made.type = {"message", "rfc822", {}};  // RFC 2046 5.1.5
    }
    decideKind(made);
  }

  // A leaf is neither multipart nor message: what cannot be opened gets the type that says so.
  void decideKind(Part& made) {
    const bool isMultipart = made.type.hasType("multipart");
    const bool isMessage = made.type.is("message", "rfc822") || made.type.is("message", "global");
    if (!isMultipart && !isMessage) return;
    if (made.depth >= kMaxDepth || out_.parts.size() >= kMaxParts) {
      made.type = {"application", "octet-stream", {}};
    } else if (isMultipart && boundaryOf(made).empty()) {
      made.type = {};
    } else {
      made.kind = isMultipart ? Part::Kind::multipart : Part::Kind::message;
    }
  }

  bool isAt(std::string_view text) { return content_.from(at_).starts_with(text); }
  char octetAt(std::uint64_t at) {
    const std::string_view octets = content_.from(at);
    return octets.empty() ? '\0' : octets.front();
  }

  void goToNextLine() {
    for (std::string_view rest = content_.from(at_); !rest.empty(); rest = content_.from(at_)) {
      const std::size_t lf = rest.find('\n');
      at_ += std::min(lf, rest.size() - 1) + 1;
      if (lf == std::string_view::npos) continue;
      ++lineFeeds_;
      return;
    }
  }

  // To the next line that starts with "--", the one at hand included.
  bool goToDashes() {
    if (isAt("--")) return true;
    for (std::string_view rest = content_.from(at_); !rest.empty(); rest = content_.from(at_)) {
      const DashLine next = findDashLine(rest);
      lineFeeds_ += next.lineFeeds;
      at_ += next.at;
      if (next.at < rest.size()) return true;
      if (at_ >= content_.size()) return false;
      at_ -= 2;  // the line end of what is at hand may be that of the line before
      lineFeeds_ -= countLineFeeds(rest.substr(rest.size() - 2));
    }
    return false;
  }

  // dash-boundary transport-padding CRLF, or close-delimiter. Deviates from RFC 2046 5.1.1, where a prefix of the line
  // is enough: programs nest boundaries of which one is the start of another, and only the whole line tells them apart.
  std::optional<Delimiter> delimiterAt(std::uint64_t at) {
    const std::string_view octets = content_.from(at).substr(0, kLongestDelimiter);
    const std::size_t lf = octets.find('\n');
    Delimiter found;
    found.lineFeed = lf != std::string_view::npos;
    if (!found.lineFeed && at + octets.size() < content_.size()) return std::nullopt;
    found.lineEnd = found.lineFeed ? at + lf + 1 : content_.size();
    std::string_view text = octets.substr(2, found.lineEnd - at - 2);
    while (!text.empty() && (isWsp(text.back()) || text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
    auto boundary = boundaries_.find(text);
    if (boundary == boundaries_.end() && text.ends_with("--")) {
      boundary = boundaries_.find(text.substr(0, text.size() - 2));
      found.closing = true;
    }
    if (boundary == boundaries_.end()) return std::nullopt;
    found.open = boundary->second.back();
    return found;
  }

  void pass(const Delimiter& delimiter) {
    closeAbove(delimiter.open, at_);
    at_ = delimiter.lineEnd;
    lineFeeds_ += delimiter.lineFeed;
    if (delimiter.closing) {
      forgetBoundary(open_.back());  // what follows is the epilogue
    } else {
      beginPart(open_.back().part);
    }
  }

  // Ends all open parts above open_[index], before the boundary line that starts at `line`; its line end belongs to the
  // boundary.
  void closeAbove(std::size_t index, std::uint64_t line) {
    std::uint64_t end = line;
    std::uint64_t lineFeeds = lineFeeds_;
    if (line < content_.size() && line > 0 && octetAt(line - 1) == '\n') {
      end -= line > 1 && octetAt(line - 2) == '\r' ? 2 : 1;
      --lineFeeds;
    }
    while (open_.size() > index + 1) closeTop(end, lineFeeds);
  }

  void closeTop(std::uint64_t end, std::uint64_t lineFeeds) {
    Open& top = open_.back();
    Part& closed = part(top);
    if (end > closed.body.offset) {
      closed.body.length = end - closed.body.offset;
      closed.bodyLines = lineFeeds - top.lineFeedsBefore + (octetAt(end - 1) == '\n' ? 0 : 1);
    } else if (closed.isMessage && end < closed.body.offset) {  // its header was cut off by the boundary
      closed.body.offset = std::max(end, closed.header.offset);
      closed.header.length = closed.body.offset - closed.header.offset;
    }
    forgetBoundary(top);
    if (closed.kind == Part::Kind::multipart && closed.firstChild == kNoPart) {  // IMAP has no multipart without parts
      closed.kind = Part::Kind::leaf;
      closed.type = {};
    }
    open_.pop_back();
  }

  void forgetBoundary(Open& open) {
    if (open.boundary.empty()) return;
    const auto found = boundaries_.find(open.boundary);
    found->second.pop_back();
    if (found->second.empty()) boundaries_.erase(found);
    open.boundary.clear();
  }

  Window& content_;
  Structure out_;
  std::uint64_t at_ = 0;
  std::uint64_t lineFeeds_ = 0;  // before at_
  std::vector<Open> open_;
  std::unordered_map<std::string, std::vector<std::size_t>, TransparentHash, std::equal_to<>> boundaries_;
};

}  // namespace

Structure parseStructure(std::string_view content) {
  Window octets(content);
  return parseStructure(octets);
}

Structure parseStructure(Window& octets) {
  return StructureParser(octets).parse();
}

}  // namespace ostler::message
