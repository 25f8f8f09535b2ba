// words.h - the words of reports in the languages of the configuration, read from reports.templates, and what is wrong with that folder.
// Is not: what such a file may say; see message/dsn_words.h.
#pragma once

#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/message/dsn_words.h"

namespace ostler::report {

/// In the order of reports.language; "en" without a file is the built-in one. Errors: notFound, syntax: which file, which line.
[[nodiscard]] Result<std::vector<message::DsnWords>> readWords(const config::ReportSettings& settings);

/// For `ostler check`: a folder that is not there, files that cannot be read as words, and a folder of which nothing is used.
[[nodiscard]] std::vector<config::Problem> faultsOfWords(const config::Config& config);

}  // namespace ostler::report
