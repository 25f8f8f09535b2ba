// transcript.h - what was said in a session, for whoever has to understand a refusal: the beginning and the end of it, bounded.
// Is not: the content of messages, nor passwords; whoever adds a line leaves those out.
#pragma once

#include <string>
#include <string_view>

namespace ostler::smtp {

/// Lines "C: ..." of ours, "S: ..." of the server's, "* ..." of what happened. A value.
class Transcript {
 public:
  void client(std::string_view line) { add("C: ", line); }
  void server(std::string_view line) { add("S: ", line); }
  void event(std::string_view what) { add("* ", what); }
  void clear();
  /// Lines with LF ends; what was left out in the middle is said. At most about 4 KiB.
  [[nodiscard]] std::string text() const;

 private:
  void add(std::string_view who, std::string_view line);
  std::string head_;  // the first lines, until it is full
  std::string tail_;  // the last lines after that
  bool isCut_ = false;
};

}  // namespace ostler::smtp
