#include "imapd/search/thread.h"

#include <catch2/catch.hpp>

using namespace ostler::imap;

namespace {

ThreadMessage mail(std::uint32_t name, std::string id, std::vector<std::string> references, std::string subject = "",
                   bool isReply = false) {
  return {
      name, static_cast<std::int64_t>(name) * 1000, std::move(subject), isReply, std::move(id), std::move(references)};
}

}  // namespace

TEST_CASE("thread: replies hang below what they answer, however deep") {
  CHECK(threadByReferences({mail(1, "a", {}), mail(2, "b", {"a"}), mail(3, "c", {"a", "b"}), mail(4, "d", {})}) ==
        "(1 2 3)(4)");
}

TEST_CASE("thread: several replies to one message are lists of their own") {
  CHECK(threadByReferences({mail(1, "a", {}), mail(2, "b", {"a"}), mail(3, "c", {"a"}), mail(4, "d", {"a", "c"})}) ==
        "(1 (2)(3 4))");
}

TEST_CASE("thread: replies to a message that is not here stay together") {
  CHECK(threadByReferences({mail(1, "b", {"a"}), mail(2, "c", {"a"})}) == "((1)(2))");
  CHECK(threadByReferences({mail(1, "b", {"a"})}) == "(1)");
  CHECK(threadByReferences({mail(1, "c", {"a", "b"}), mail(2, "d", {"a"})}) == "((1)(2))");
}

TEST_CASE("thread: a reply without References joins the thread of its subject") {
  CHECK(threadByReferences({mail(1, "a", {}, "lunch"), mail(2, "b", {}, "lunch", true)}) == "(1 2)");
  CHECK(threadByReferences({mail(1, "b", {}, "lunch", true), mail(2, "a", {}, "lunch")}) == "(2 1)");
  CHECK(threadByReferences({mail(1, "a", {}, "lunch"), mail(2, "b", {}, "lunch"), mail(3, "c", {}, "lunch")}) ==
        "((1)(2)(3))");
  CHECK(threadByReferences({mail(1, "a", {}), mail(2, "b", {}, "", true)}) == "(1)(2)");
}

TEST_CASE("thread: what two messages say of each other, or of themselves, makes no circle") {
  CHECK(threadByReferences({mail(1, "a", {"b"}), mail(2, "b", {"a"})}) == "(2 1)");
  CHECK(threadByReferences({mail(1, "a", {"a"})}) == "(1)");
}

TEST_CASE("thread: a second message with the same id is a message all the same") {
  CHECK(threadByReferences({mail(1, "a", {}), mail(2, "a", {}), mail(3, "b", {"a"})}) == "(1 3)(2)");
}

TEST_CASE("thread: the last reference of the message itself counts, not what others say of its place") {
  CHECK(threadByReferences({mail(1, "c", {"a", "b"}), mail(2, "b", {}), mail(3, "a", {})}) == "(2 1)(3)");
}

TEST_CASE("thread: a hundred thousand messages in one chain take no stack") {
  std::vector<ThreadMessage> chain;
  for (std::uint32_t at = 1; at <= 100'000; ++at)
    chain.push_back(mail(at, std::to_string(at), {std::to_string(at - 1)}));
  const std::string lists = threadByReferences(chain);
  CHECK(lists.starts_with("(1 2 3 "));
  CHECK(lists.ends_with(" 100000)"));
}

TEST_CASE("thread: by subject all are children of the first") {
  CHECK(threadBySubject({mail(1, "", {}, "x"), mail(2, "", {}, "y"), mail(3, "", {}, "x"), mail(4, "", {}, "x")}) ==
        "(1 (3)(4))(2)");
  CHECK(threadBySubject({mail(1, "", {}, "x"), mail(2, "", {}, "x")}) == "(1 2)");
  CHECK(threadBySubject({}).empty());
}
