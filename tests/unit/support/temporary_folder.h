// temporary_folder.h - a folder that goes away with the test. In memory where it can be: no unit test cuts the power.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace ostler::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const bool hasMemory = ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string pattern = (hasMemory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/ostler-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ostler::test
