// CREATE mailbox [(USE (\Archive))]. RFC 9051 6.3.4; RFC 6154 3 (CREATE-SPECIAL-USE); RFC 8474 4.1 (MAILBOXID).
#include <array>

#include "imapd/grammar/special_use.h"
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")". Of several we could keep one only, so several are refused.
Result<store::SpecialUse> readUse(Reader& in) {
  store::SpecialUse use = store::SpecialUse::none;
  if (!in.accept(' ')) return use;
  in.expect('(');
  if (!in.acceptWord("USE")) in.fail("Unknown CREATE parameter");
  in.space();
  in.expect('(');
  if (!in.accept(')')) {
    if (!in.accept('\\')) in.fail("Special use expected");
    const auto known = specialUseOf(in.word());
    const bool one = in.accept(')');
    if (!in.failed() && (!one || !known)) return fail(Error::Kind::notFound, "special use");
    use = known.value_or(store::SpecialUse::none);
  }
  in.expect(')');
  return use;
}

}  // namespace

Task<Reply> Session::create(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  const Result<store::SpecialUse> use = readUse(in);
  if (!use) co_return Reply::no("USEATTR", "That special use is not possible");
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  const Result<store::MailboxInfo> made = co_await account_->createMailbox(*name, *use);
  if (!made) co_return answerTo(made.error());
  std::string code = "MAILBOXID (";
  appendObjectId(code, 'F', made->id);
  code += ')';
  co_return Reply::okWith(std::move(code), "Created");
}

}  // namespace ostler::imap
