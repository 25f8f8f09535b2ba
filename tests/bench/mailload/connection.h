// connection.h - Connection: a blocking client's connection, in clear text or by implicit TLS 1.3, read line by line.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/mailload/measure.h"

namespace mailload {

/// A session ticket as octets: OpenSSL lets a session object of TLS 1.3 be used once, and not every server gives a new ticket each time.
using Ticket = std::vector<unsigned char>;

/// Whatever fails ends the program. Lines it gives are valid until the next call.
class Connection {
 public:
  static constexpr std::size_t kBuffer = std::size_t{1} << 17;

  /// To host= and port=, with TLS if tls=1 says so. With a ticket: resumes the session of that ticket, and keeps the next one there.
  explicit Connection(const Options& options, std::size_t buffer = kBuffer, Ticket* ticket = nullptr);
  /// One that is there already.
  Connection(int socket, std::size_t buffer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void write(std::string_view octets);
  /// The next line without its CRLF.
  [[nodiscard]] std::string_view line();
  /// If it has been read already.
  [[nodiscard]] std::optional<std::string_view> lineAtHand();
  /// Waits for more. False: the other side closed.
  [[nodiscard]] bool readMore();
  void skip(std::size_t octets);
  [[nodiscard]] long octetsRead() const { return octetsRead_; }
  [[nodiscard]] bool isResumed() const { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

 private:
  struct EndTls {
    void operator()(SSL* ssl) const {
      SSL_shutdown(ssl);
      SSL_free(ssl);
    }
  };
  void connectTo(const std::string& host, int port);
  void startTls(bool resumes, Ticket* ticket);

  int fd_ = -1;
  std::unique_ptr<SSL, EndTls> ssl_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of what has not been taken
  std::size_t end_ = 0;      // of what has been read
  std::size_t scanned_ = 0;  // up to here there is no line end
  long octetsRead_ = 0;
};

}  // namespace mailload
