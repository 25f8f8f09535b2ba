// sink.h - Sink: an SMTP server that takes everything and counts it.
#pragma once

#include <atomic>
#include <memory>

namespace mailload {

class Sink {
 public:
  /// Listens on 127.0.0.1:port until the program ends, one thread per connection.
  explicit Sink(int port);
  [[nodiscard]] long taken() const { return *taken_; }

 private:
  std::shared_ptr<std::atomic<long>> taken_ = std::make_shared<std::atomic<long>>(0);
};

}  // namespace mailload
