// pop3.h - Pop3Client: one session.
#pragma once

#include <string>

#include "tests/bench/mailload/connection.h"

namespace mailload {

class Pop3Client {
 public:
  explicit Pop3Client(const Options& options, std::size_t buffer = Connection::kBuffer);
  /// As user= says, with that number in it.
  void login(long number = 0);
  /// The +OK line; anything else ends the program.
  std::string command(const std::string& words);
  void send(const std::string& words) { connection_.write(words); }
  std::string ok();
  /// Reads to the dot; how many lines.
  long lines();
  [[nodiscard]] long octetsRead() const { return connection_.octetsRead(); }

 private:
  const Options& options_;
  Connection connection_;
};

}  // namespace mailload
