// verifier.h - Verifier: has the server that carries a domain this recipient? By the configured list, by asking the next hop at RCPT
// (call-ahead), or by asking the peers. Answers are kept, so that a backup MX still knows its users while the primary is down.
// Is not: the dialogue (role out's asker.h), nor the lists (route/known.h). RFC 5321 3.5, 3.6.1.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/log/log.h"
#include "queued/route/known.h"
#include "queued/route/route.h"

namespace ostler::spool {

/// What is known of a recipient elsewhere.
struct Finding {
  enum class Kind : std::uint8_t {
    there,      ///< or nobody may ask: the mail is taken
    notThere,   ///< for certain: `reply` refuses
    listLost,   ///< its list cannot be read: `reply` defers before the mail is taken, or strangers could write to anybody there
    cannotSay,  ///< who would know does not answer: `reply` defers
  };
  Kind kind = Kind::there;
  ipc::SmtpReply reply{250, "2.1.5", "Recipient ok"};
  std::optional<ipc::NextHop> peer;  ///< the one that has it, with action peers
  std::string how;                   ///< in words, for `ostler explain`
};

/// One loop. Lives until the loop stops.
class Verifier {
 public:
  Verifier(Loop& loop, const std::string& outSocket, log::Log log) : out_(loop, outSocket), log_(std::move(log)) {}
  /// For questions from now on. What was kept stays: it is about other servers.
  void use(std::shared_ptr<const config::Config> config, route::RecipientFiles files);
  [[nodiscard]] const route::RecipientFiles& files() const { return files_; }

  /// `route`: of this recipient, made with the configuration in use. Waits: 20 s a server that has to be asked.
  [[nodiscard]] Task<Finding> find(route::Route route, std::string forwardPath);

 private:
  struct Kept {
    Finding finding;
    SteadyTime fresh;  ///< until then it is not asked again
    SteadyTime until;  ///< until then it counts while the server does not answer
  };
  struct Question {
    ipc::NextHop nextHop;
    ipc::AskRecipient::How how;
    std::string forwardPath;
  };
  [[nodiscard]] Task<Finding> ask(Question question);
  [[nodiscard]] Task<Finding> askPeers(const config::RouteRule* rule, std::string forwardPath);
  void keep(const std::string& key, const Finding& finding);

  ipc::Client out_;
  log::Log log_;
  std::shared_ptr<const config::Config> config_;
  route::RecipientFiles files_;
  std::unordered_map<std::string, Kept> kept_;
};

}  // namespace ostler::spool
