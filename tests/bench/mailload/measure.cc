#include "tests/bench/mailload/measure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace mailload {

namespace {

constexpr std::array<const char*, 16> kWords = {"alpha",  "report",   "meeting", "invoice", "please", "regards",  "schedule", "garden",
                                                "system", "delivery", "winter",  "project", "number", "question", "attached", "summary"};
constexpr std::uint64_t kMultiplier = 6364136223846793005U;  // Knuth's MMIX
constexpr std::uint64_t kIncrement = 1442695040888963407U;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 32) out += c;
  }
  return out;
}

void print(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string header(long number) {
  const auto unsignedNumber = static_cast<std::uint64_t>(number);
  const long minute = number / 60 % 60;
  const long second = number % 60;
  return fmt::format(
      "Received: from client.example.test (client.example.test [192.0.2.7])\r\n\tby mx.example.test with ESMTP id {:08x}\r\n"
      "\tfor <someone@example.test>; Mon, 3 Aug 2026 10:{:02}:{:02} +0000\r\n"
      "Message-ID: <m{}.{:08x}@example.test>\r\nDate: Mon, 3 Aug 2026 10:{:02}:{:02} +0000\r\n"
      "From: \"Sender Number {}\" <s{}@example.test>\r\nTo: Someone <someone@example.test>\r\n"
      "Cc: Other One <other@example.test>\r\nSubject: {} {} {}\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
      unsignedNumber * 2654435761U & 0xffffffffU, minute, second, number, unsignedNumber * 40503U & 0xffffffffU, minute, second, number % 997,
      number % 997, kWords[unsignedNumber % 16], kWords[unsignedNumber / 16 % 16], number);
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "mailload: %s (errno %s)\n", what.c_str(), std::strerror(errno));
  ::_exit(1);
}

Options::Options(int count, char** words) {
  for (int i = 0; i < count; ++i) {
    const std::string word = words[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) die("not key=value: " + word);
    values_[word.substr(0, equals)] = word.substr(equals + 1);
  }
}

std::string Options::text(const std::string& key, const std::string& otherwise) const {
  const auto found = values_.find(key);
  return found == values_.end() ? otherwise : found->second;
}

long Options::number(const std::string& key, long otherwise) const {
  const auto found = values_.find(key);
  return found == values_.end() ? otherwise : std::atol(found->second.c_str());
}

std::string Options::numbered(const std::string& key, const std::string& otherwise, long number) const {
  std::string out = text(key, otherwise);
  const std::size_t place = out.find("%d");
  if (place != std::string::npos) out.replace(place, 2, std::to_string(number % users()));
  return out;
}

void inThreads(long count, const std::function<void(long)>& work) {
  std::vector<std::thread> threads;
  for (long i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

void report(const Options& options, const std::string& test, std::vector<double> values, const std::string& unit, const std::string& more) {
  std::sort(values.begin(), values.end());
  const std::string figures = fmt::format(",\"min\":{:.4g},\"max\":{:.4g},\"runs\":{}", values.front(), values.back(), values.size());
  reportOne(options, test, fmt::format("{:.4g}", values[values.size() / 2]), unit, figures + more);
}

void reportOne(const Options& options, const std::string& test, const std::string& median, const std::string& unit, const std::string& more) {
  print(fmt::format(R"({{"label":"{}","test":"{}","median":{},"unit":"{}"{}}})", escaped(options.text("label")), escaped(test), median, unit, more));
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    const std::size_t to = text.find(at, from);
    out.push_back(text.substr(from, to - from));
    if (to == std::string::npos) return out;
    from = to + 1;
  }
}

std::string message(long number, std::size_t octets) {
  std::string out = header(number);
  out.reserve(octets + 80);
  std::uint64_t random = static_cast<std::uint64_t>(number) * kMultiplier + kIncrement;
  while (out.size() + 2 < octets) {
    std::string line;
    while (line.size() < 66) {
      random = random * kMultiplier + kIncrement;
      line += kWords[random >> 60];
      line += ' ';
    }
    line.resize(std::min(line.size(), octets - out.size() - 2));
    out += line + "\r\n";
  }
  return out;
}

}  // namespace mailload
