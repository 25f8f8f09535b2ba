#include "queued/report/words.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using config::Problem;

namespace {

namespace fs = std::filesystem;

/// A folder of templates, and the configuration that names it.
struct Templates {
  Templates() { config.reports.templates = folder; }
  void put(const std::string& name, const std::string& text) const { std::ofstream(folder + "/" + name) << text; }
  [[nodiscard]] std::vector<Problem> faults(const std::string& language) {
    config.reports.language = language;
    return report::faultsOfWords(config);
  }
  test::TemporaryFolder at;
  std::string folder = at.path();
  config::Config config;
};

bool says(const std::vector<Problem>& problems, Problem::Severity severity, const std::vector<std::string>& words) {
  return problems.size() == 1 && problems[0].severity == severity && std::ranges::all_of(words, [&](const std::string& word) {
    return problems[0].text.find(word) != std::string::npos;
  });
}

constexpr auto kError = Problem::Severity::error;
constexpr auto kWarning = Problem::Severity::warning;

}  // namespace

TEST_CASE("a folder of templates that is not there is a fault, whatever the language, with what to do") {
  Templates templates;
  templates.config.reports.templates = "/nonexist";
  for (const char* const language : {"", "en", "de"}) {
    CAPTURE(language);
    CHECK(says(templates.faults(language), kError, {"reports.templates", "/nonexist", "No such file", "Make the folder", "take the key out"}));
  }
  templates.put("file", "");
  templates.config.reports.templates = templates.folder + "/file";
  CHECK(says(templates.faults(""), kError, {"Not a directory"}));
  templates.config.reports.templates.clear();
  CHECK(templates.faults("").empty());
}

TEST_CASE("of a folder of templates each file that cannot be read as words is named with its line, also one of a language that is not used yet") {
  Templates templates;
  templates.put("de.txt", "failed.heading: Ihre Nachricht konnte nicht zugestellt werden an:\n");
  CHECK(templates.faults("de").empty());
  templates.put("fr.txt", "failed.heading: x\nno.such.key: y\n");
  CHECK(says(templates.faults("de"), kWarning, {"fr.txt", "2", "does not name it"}));
  CHECK(says(templates.faults("de fr"), kError, {"fr.txt", "2", "built-in English"}));
  fs::remove(templates.folder + "/fr.txt");
  CHECK(says(templates.faults("de fr"), kError, {"there is no " + templates.folder + "/fr.txt"}));
  CHECK(says(templates.faults("../de"), kError, {"no name of a language"}));
}

TEST_CASE("a folder of templates of which nothing is used is told of; English is what is used where no language is named") {
  Templates templates;
  CHECK(says(templates.faults(""), kWarning, {"nothing in", "reports.language"}));
  templates.put("de.txt", "failed.heading: x\n");
  CHECK(says(templates.faults(""), kWarning, {"nothing in"}));
  templates.put("en.txt", "failed.heading: What you sent did not arrive:\n");
  CHECK(templates.faults("").empty());
  const auto words = report::readWords(templates.config.reports);
  REQUIRE(words);
  REQUIRE(words->size() == 1);
  CHECK(words->front().get("failed.heading", "") == "What you sent did not arrive:");
}
