#include "queued/report/words.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libmailcore/base/ascii.h"

namespace ostler::report {

namespace {

namespace fs = std::filesystem;

using config::Problem;
using Severity = Problem::Severity;

/// As reports.language has them; nothing said is English.
std::vector<std::string> languagesOf(const config::ReportSettings& settings) {
  std::vector<std::string> languages;
  for (const std::string_view language : split(settings.language, ' ')) {
    if (!language.empty()) languages.emplace_back(language);
  }
  if (languages.empty()) languages.emplace_back("en");
  return languages;
}

Result<message::DsnWords> readFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Error::Kind::notFound, path + " cannot be read");
  Result<message::DsnWords> words = message::DsnWords::parse(std::string{std::istreambuf_iterator<char>(file), {}});
  if (!words) return fail(words.error().kind, path + ": " + words.error().detail);
  return words;
}

std::string fileOf(const config::ReportSettings& settings, const std::string& language) { return settings.templates + "/" + language + ".txt"; }

bool isName(const std::string& language) {
  return std::ranges::all_of(language, [](char c) { return isAsciiAlnum(c) || c == '-' || c == '_'; });
}

/// The names of all LANGUAGE.txt in the folder, sorted.
Result<std::vector<std::string>> languagesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> languages;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".txt") languages.push_back(at->path().stem());
  }
  if (error) return fail(Error::Kind::notFound, error.message());
  std::ranges::sort(languages);
  return languages;
}

}  // namespace

Result<std::vector<message::DsnWords>> readWords(const config::ReportSettings& settings) {
  std::vector<message::DsnWords> all;
  for (const std::string& language : languagesOf(settings)) {
    if (!isName(language)) return fail(Error::Kind::syntax, "reports.language: '" + printable(language) + "' is no name of a language");
    const std::string path = fileOf(settings, language);
    if (language == "en" && (settings.templates.empty() || !fs::exists(path))) {
      all.emplace_back();
      continue;
    }
    Result<message::DsnWords> words = readFile(path);
    if (!words) return fail(words.error());
    all.push_back(std::move(*words));
  }
  return all;
}

std::vector<Problem> faultsOfWords(const config::Config& config) {
  const config::ReportSettings& settings = config.reports;
  if (settings.templates.empty()) return {};  // a language without a folder is told where the keys are
  const config::Place place = config.placeOf("reports.templates");
  const Result<std::vector<std::string>> there = languagesIn(settings.templates);
  if (!there) {
    return {{Severity::error, place, "reports.templates: " + settings.templates + ": " + there.error().detail +
                                         ". Make the folder, with a file LANGUAGE.txt for each of reports.language, or take the key out"}};
  }
  std::vector<Problem> problems;
  const std::vector<std::string> used = languagesOf(settings);
  const auto isUsed = [&used](const std::string& language) { return std::ranges::find(used, language) != used.end(); };
  for (const std::string& language : *there) {
    const Result<message::DsnWords> words = readFile(fileOf(settings, language));
    if (words) continue;
    const std::string then = isUsed(language) ? "; until that is mended reports are in the built-in English" : "; reports.language does not name it yet";
    problems.push_back({isUsed(language) ? Severity::error : Severity::warning, place, "reports.templates: " + words.error().detail + then});
  }
  for (const std::string& language : used) {
    if (!isName(language)) problems.push_back({Severity::error, config.placeOf("reports.language"), "reports.language: '" + printable(language) + "' is no name of a language"});
    const bool isMissing = isName(language) && language != "en" && std::ranges::find(*there, language) == there->end();
    if (isMissing) problems.push_back({Severity::error, config.placeOf("reports.language"), "reports.language: there is no " + fileOf(settings, language) + ", so reports are in the built-in English"});
  }
  if (std::ranges::none_of(*there, isUsed) && problems.empty()) {
    problems.push_back({Severity::warning, place, "reports.templates: nothing in " + settings.templates + " is used: name its languages in reports.language"});
  }
  return problems;
}

}  // namespace ostler::report
