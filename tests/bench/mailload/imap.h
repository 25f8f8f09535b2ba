// imap.h - ImapClient: one session, one command at a time.
#pragma once

#include <string>

#include "tests/bench/mailload/connection.h"

namespace mailload {

class ImapClient {
 public:
  explicit ImapClient(const Options& options, std::size_t buffer = Connection::kBuffer);
  /// As user= says, with that number in it.
  void login(long number = 0);
  /// False: it was not answered OK.
  bool command(const std::string& words);
  void must(const std::string& words);
  void append(const std::string& mailbox, const std::string& message);
  /// Until DONE.
  void idle();
  void done() { connection_.write("DONE\r\n"); }
  [[nodiscard]] long octetsRead() const { return connection_.octetsRead(); }

 private:
  [[nodiscard]] std::string nextTag() { return "a" + std::to_string(++tag_); }
  bool finish(const std::string& tag);

  const Options& options_;
  Connection connection_;
  long tag_ = 0;
  std::string last_;  // tagged answer
};

}  // namespace mailload
