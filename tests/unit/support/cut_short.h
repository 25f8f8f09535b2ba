// cut_short.h - runs many sessions at once and ends each at a random moment: by its client, or by its own end, as a process that is
// told to stop does.
#pragma once

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "libmailcore/async/loop.h"

namespace ostler::test {

template <class Session>
struct Life {
  std::unique_ptr<Session> session;
  std::unique_ptr<TaskScope> serving;
  std::unique_ptr<TaskScope> calling;
};

/// A session and its client, both under way.
template <class Session>
Life<Session> begin(Loop& loop, std::unique_ptr<Session> session, Task<void> client) {
  Life<Session> life{std::move(session), std::make_unique<TaskScope>(loop), std::make_unique<TaskScope>(loop)};
  life.serving->spawn(life.session->run());
  life.calling->spawn(std::move(client));
  return life;
}

template <class Session>
void cutShort(Loop& loop, std::vector<Life<Session>> lives, std::mt19937& random) {
  const auto wait = [&](unsigned most) { return Deadline::after(std::chrono::microseconds(random() % most)); };
  while (!lives.empty()) {
    for (int n = 0; n < 5 && !lives.empty(); ++n) {
      std::swap(lives[random() % lives.size()], lives.back());
      Life<Session> life = std::move(lives.back());
      lives.pop_back();
      if (random() % 2 == 0) {
        life.serving.reset();
        life.session.reset();
        life.calling.reset();
      } else {
        life.calling.reset();
        const Result<void> ended = loop.runUntilDone(life.serving->whenIdle(wait(500)));
        (void)ended;  // if not, it ends now
        life.serving.reset();
      }
    }
    loop.runUntilDone(loop.sleepUntil(wait(2000)));
  }
}

}  // namespace ostler::test
