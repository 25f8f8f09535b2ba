#include "libmailcore/message/dsn_text.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/message/dsn_words.h"

namespace ostler::message {
namespace {

// The order is that of the report: what needs the reader's attention first.
struct ActionWords {
  DsnAction action;
  std::string_view key;
  std::string_view subject;
  std::string_view heading;
};
constexpr std::array<ActionWords, 5> kActions = {{
    {DsnAction::failed, "failed", "Not delivered", "Your message could not be delivered to:"},
    {DsnAction::delayed, "delayed", "Delivery delayed",
     "Your message has not been delivered yet to the following recipients. You need not send it "
     "again: this server goes on trying."},
    {DsnAction::delivered, "delivered", "Delivered", "Your message was delivered to:"},
    {DsnAction::relayed, "relayed", "Relayed", "Your message was passed on to the next server on its way, which may not tell you what becomes of it, for:"},
    {DsnAction::expanded, "expanded", "Delivered to a list",
     "Your message was delivered to a list and passed on to its members, for:"},
}};

/// What the reader can do about a failure, by enhanced status code. RFC 3463 3.
struct Advice {
  std::string_view detail;  // the code without its class
  std::string_view words;
};
constexpr std::array<Advice, 13> kAdvice = {{
    {".1.1",
     "There is no such mailbox. Check the part before the @ for mistakes, and ask the recipient for the right "
     "address."},
    {".1.2", "The domain does not exist or takes no mail. Check the part behind the @ for mistakes."},
    {".1.3", "The address is not written as an address should be. Check it for mistakes."},
    {".1.10", "The domain says that it takes no mail at all. Ask the recipient for another address."},
    {".2.1", "The mailbox is closed at the moment. Ask the recipient for another address."},
    {".2.2", "The recipient's mailbox is full. Send the message again later, when there is space."},
    {".2.3",
     "The message is larger than the recipient may get. Send a smaller one, or pass the files on some other way."},
    {".3.4",
     "The message is larger than the recipient's server takes. Send a smaller one, or pass the files on some other "
     "way."},
    {".4.1", "The recipient's server did not answer. Send the message again later, or tell the recipient."},
    {".4.4", "The way to the recipient's server is not known. Check the part behind the @ for mistakes."},
    {".4.6", "The message went in circles between servers. Tell your administrator."},
    {".4.7",
     "It could not be delivered within the time a message may wait here. Send it again later, or reach the recipient "
     "some "
     "other way."},
    {".6.7", "The recipient's server does not take addresses beyond ASCII. Use another address of the recipient."},
}};

std::string_view adviceFor(std::string_view status, const DsnWords& in) {
  const std::string_view detail = status.substr(std::min<std::size_t>(1, status.size()));
  for (const Advice& advice : kAdvice) {
    if (advice.detail == detail) return in.get("advice" + std::string(detail), advice.words);
  }
  if (detail.starts_with(".7.")) {
    return in.get("advice.7",
                  "The server refused the message by its rules. Ask the recipient, or your administrator, for the reason.");
  }
  return in.get("advice.other", "Try again later; if it fails again, show this report to your administrator.");
}

/// Words, and of words that no line can hold (RFC 5322 2.1.1) their pieces.
std::vector<std::string_view> wordsOf(std::string_view text) {
  constexpr std::size_t kLongestWord = 900;
  std::vector<std::string_view> words;
  for (std::string_view word : split(text, ' ')) {
    while (!word.empty()) {
      words.push_back(cutUtf8(word, kLongestWord));
      word.remove_prefix(words.back().size());
    }
  }
  return words;
}

// Breaks at blanks; a word longer than a line stays whole as long as it may.
void paragraph(std::string& out, std::string_view text, std::string_view indent) {
  constexpr std::size_t kLongestLine = 76;
  std::size_t column = 0;
  for (const std::string_view word : wordsOf(text)) {
    const bool first = column == 0;
    if (!first && column + 1 + word.size() > kLongestLine) {
      out += "\r\n";
      column = 0;
    }
    out += column == 0 ? indent : std::string_view(" ");
    column += (column == 0 ? indent.size() : 1) + word.size();
    out += word;
  }
  out += "\r\n";
}

std::string cleaned(std::string_view text) {
  std::string out = guessUtf8(text);
  for (char& c : out) {
    if (isAsciiControl(c)) c = ' ';
  }
  return out;
}

void describe(std::string& out, const DsnRecipient& recipient, const DsnWords& in) {
  paragraph(out, "<" + cleaned(recipient.recipient) + ">", "  ");
  if (!recipient.diagnostic.empty()) {
    const std::string said = recipient.remoteMta.empty() ? std::string(in.get("reason", "Reason:"))
                                                         : fillIn(in.get("said", "The server {host} said:"), "host", recipient.remoteMta);
    paragraph(out, cleaned(said + " " + recipient.diagnostic), "      ");
  }
  if (recipient.willRetryUntil) {
    paragraph(out, fillIn(in.get("until", "This server goes on trying until {date}."), "date", formatDateTime(*recipient.willRetryUntil)),
              "      ");
  }
  if (recipient.action == DsnAction::failed) paragraph(out, adviceFor(recipient.status, in), "      ");
}

void textIn(std::string& out, const DsnRequest& request, const DsnWords& in) {
  paragraph(out, fillIn(in.get("intro", "This is the mail server {host}."), "host", request.reportingMta), "");
  for (const ActionWords& words : kActions) {
    bool first = true;
    for (const DsnRecipient& recipient : request.recipients) {
      if (recipient.action != words.action) continue;
      out += "\r\n";
      if (first) {
        paragraph(out, in.get(std::string(words.key) + ".heading", words.heading), "");
        out += "\r\n";
      }
      first = false;
      describe(out, recipient, in);
    }
  }
  out += "\r\n";
  std::string end(in.get("outro", "Technical details follow below; your administrator can use them."));
  if (!request.queueId.empty()) end += " " + fillIn(in.get("queue_id", "The message's queue id was {queue_id}."), "queue_id", request.queueId);
  paragraph(out, end, "");
}

const DsnWords& english() {
  static const DsnWords kEnglish;
  return kEnglish;
}

}  // namespace

std::string dsnSubject(const DsnRequest& request) {
  const DsnWords& in = request.words.empty() ? english() : *request.words.front();
  for (const ActionWords& words : kActions) {
    const auto isIt = [&](const DsnRecipient& recipient) { return recipient.action == words.action; };
    if (!std::any_of(request.recipients.begin(), request.recipients.end(), isIt)) continue;
    return std::string(in.get(std::string(words.key) + ".subject", words.subject));
  }
  return "Delivery report";
}

std::string dsnText(const DsnRequest& request) {
  std::string out;
  if (request.words.empty()) textIn(out, request, english());
  for (const DsnWords* const in : request.words) {
    if (!out.empty()) out += "\r\n" + std::string(60, '-') + "\r\n\r\n";
    textIn(out, request, *in);
  }
  return out;
}

}  // namespace ostler::message
