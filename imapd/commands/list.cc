// LIST with selection and return options. RFC 9051 6.3.9; RFC 5258; RFC 5819; RFC 6154.
#include <algorithm>

#include "imapd/grammar/special_use.h"
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

using Mailboxes = std::vector<store::MailboxInfo>;

/// What one LIST looks for, in the store's form of names.
struct Selection {
  const ListArguments& arguments;
  std::vector<std::string> patterns;

  [[nodiscard]] bool names(std::string_view name) const {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& one) { return matchesPattern(one, name); });
  }
  [[nodiscard]] bool wants(const store::MailboxInfo& mailbox) const {
    if (arguments.selectSubscribed && !mailbox.subscribed) return false;
    if (arguments.selectSpecialUse && mailbox.specialUse == store::SpecialUse::none) return false;
    return true;
  }
};

bool isBelow(std::string_view name, std::string_view parent) {
  return name.size() > parent.size() + 1 && name.starts_with(parent) && name[parent.size()] == '/';
}

// Sorting by name puts "a-b" between "a" and "a/b", so everything is looked at.
bool hasChildren(const Mailboxes& all, std::string_view parent) {
  return std::any_of(all.begin(), all.end(), [&](const store::MailboxInfo& one) { return isBelow(one.name, parent); });
}

// RECURSIVEMATCH: a descendant is selected that no pattern shows: RFC 5258 3.1, 5.
bool hasHiddenMatch(const Mailboxes& all, const Selection& selection, std::string_view parent) {
  return std::any_of(all.begin(), all.end(), [&](const store::MailboxInfo& one) {
    return isBelow(one.name, parent) && selection.wants(one) && !selection.names(one.name);
  });
}

void appendAttributes(std::string& out, const Mailboxes& all, const store::MailboxInfo& mailbox,
                      const ListArguments& arguments) {
  const auto add = [&](std::string_view attribute) {
    if (!out.ends_with('(')) out += ' ';
    out += '\\';
    out += attribute;
  };
  if (!mailbox.exists) {
    if (arguments.extended) add("NonExistent");
    add("Noselect");  // for clients of RFC 3501; RFC 9051 7.3.1 lets it go with NonExistent
  }
  add(hasChildren(all, mailbox.name) ? "HasChildren" : "HasNoChildren");
  if (mailbox.subscribed && (arguments.selectSubscribed || arguments.returnSubscribed)) add("Subscribed");
  if (mailbox.specialUse != store::SpecialUse::none) add(specialUseName(mailbox.specialUse));
}

std::string listPattern(const std::string& reference, const std::string& pattern, NameForm form) {
  const std::string whole = pattern.starts_with('/') ? pattern.substr(1) : reference + pattern;
  return patternFromWire(whole, form);
}

}  // namespace

Task<Reply> Session::list(Invocation call) {
  call.in.space();
  const ListArguments arguments = readListArguments(call.in);
  if (call.in.failed()) co_return badSyntax(call.in);
  if (arguments.patterns.size() == 1 && arguments.patterns.front().empty() && !arguments.extended) {
    write("* LIST (\\Noselect) \"/\" \"\"\r\n");  // the separator alone is asked for
    co_return Reply::ok("List completed");
  }
  const Result<Mailboxes> all = co_await account_->mailboxes();
  if (!all) co_return answerTo(all.error());
  Selection selection{arguments, {}};
  for (const std::string& pattern : arguments.patterns) {
    selection.patterns.push_back(listPattern(arguments.reference, pattern, nameForm()));
  }
  std::string out;
  for (const store::MailboxInfo& mailbox : *all) {
    if (!selection.names(mailbox.name)) continue;
    const bool wanted =
        selection.wants(mailbox) && (mailbox.exists || arguments.selectSubscribed || hasChildren(*all, mailbox.name));
    const bool hidden = arguments.recursiveMatch && hasHiddenMatch(*all, selection, mailbox.name);
    if (!wanted && !hidden) continue;
    out += "* LIST (";
    appendAttributes(out, *all, mailbox, arguments);
    out += ") \"/\" ";
    appendMailboxName(out, mailbox.name, nameForm());
    if (hidden) out += arguments.selectSubscribed ? " (CHILDINFO (\"SUBSCRIBED\"))" : " (CHILDINFO (\"SPECIAL-USE\"))";
    out += "\r\n";
    if (!arguments.status.empty() && mailbox.exists) appendStatus(out, mailbox, arguments.status);
  }
  write(out);
  co_return Reply::ok("List completed");
}

}  // namespace ostler::imap
