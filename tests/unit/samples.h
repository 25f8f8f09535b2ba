// samples.h - what released versions wrote, kept in tests/samples/, for tests that open it. A test of the tag [.make-samples] writes
// the sample of the form of today; it is run once, when a form gets a new version, and never again for that version.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace ostler {

/// A copy of a sample, in a folder that goes with the object: what opens it may change it.
class Sample {
 public:
  explicit Sample(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ostler-sample-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::copy(kept(name), path(), std::filesystem::copy_options::recursive);
  }
  ~Sample() { std::filesystem::remove_all(folder_); }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;
  [[nodiscard]] std::string path() const { return folder_ + "/sample"; }

  /// Where it is kept. Tests run at the top of the tree.
  [[nodiscard]] static std::filesystem::path kept(const std::string& name) { return std::filesystem::path("tests/samples") / name; }
  /// Keeps a folder as a sample, without the zeroes at the end of preallocated files. Throws where there is one of that name.
  static void keep(const std::string& from, const std::string& name) {
    if (std::filesystem::exists(kept(name))) throw std::runtime_error(kept(name).string() + " is there: a sample is made once for a version");
    std::filesystem::create_directories(kept(name).parent_path());
    std::filesystem::copy(from, kept(name), std::filesystem::copy_options::recursive);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kept(name))) {
      const bool isSpare = entry.path().filename().string().starts_with("spare-");
      if (isSpare || entry.path().extension() == ".sock") std::filesystem::remove(entry.path());
      if (!isSpare && entry.path().extension() == ".seg") cutZeroes(entry.path());
    }
  }

 private:
  static void cutZeroes(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(in), {}};
    const std::size_t last = octets.find_last_not_of('\0');
    std::filesystem::resize_file(file, last == std::string::npos ? 0 : (last + 8) / 8 * 8);
  }
  std::string folder_;
};

}  // namespace ostler
