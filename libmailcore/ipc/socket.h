// socket.h - the suite's Unix sockets: framed, typed requests and replies, many in flight, descriptors and peer credentials.
// Frames are frame.h's. A frame that breaks the rules ends the connection. What is sent in one turn of the loop leaves together.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/frame.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::ipc {

/// Who is at the other end: SO_PEERCRED.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< the others it belongs to: SO_PEERGROUPS
};

struct Frame {
  std::uint16_t type = 0;
  std::string body;
  std::vector<UniqueFd> descriptors;
};

/// A client of one socket, on one loop. Connects on the first call, reconnects with back-off (10 ms doubling to 50 ms); while
/// the peer is away, calls wait for it up to their deadline. When a connection breaks, its unanswered calls fail with
/// closed: the caller knows whether to ask again. Requests reach the peer in the order of the calls. A call whose frame is
/// destroyed is forgotten here; the peer still answers it.
class Client {
 public:
  Client(Loop& loop, std::string path);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// A reply with the descriptors that came with it.
  template <class M>
  struct Answer {
    M message;
    std::vector<UniqueFd> descriptors;
  };

  /// Errors: timeout, closed (sent, and the outcome is not known), limit (the request is longer than a frame may be), syntax
  /// (a reply of the wrong type), and whatever the peer answered as Failure.
  template <class M>
  [[nodiscard]] Task<Result<typename M::Reply>> call(M request, Deadline deadline) {
    Result<Frame> frame = co_await callFrame(Frame{M::kType, encode(request), {}}, deadline);
    if (!frame) co_return fail(frame.error());
    co_return decodeReply<typename M::Reply>(*frame);
  }
  template <class M>
  [[nodiscard]] Task<Result<Answer<typename M::Reply>>> callWithDescriptors(M request, std::vector<UniqueFd> descriptors,
                                                                            Deadline deadline) {
    Result<Frame> frame = co_await callFrame(Frame{M::kType, encode(request), std::move(descriptors)}, deadline);
    if (!frame) co_return fail(frame.error());
    auto message = decodeReply<typename M::Reply>(*frame);
    if (!message) co_return fail(message.error());
    co_return Answer<typename M::Reply>{std::move(*message), std::move(frame->descriptors)};
  }
  /// Sends a message that has no reply; dropped when not connected.
  template <class M>
  void notify(const M& message) {
    notifyFrame(Frame{M::kType, encode(message), {}});
  }
  [[nodiscard]] bool connected() const;
  /// Counts connections: a token of an older one is worth nothing.
  [[nodiscard]] std::uint64_t generation() const;
  /// Counts attempts to connect, also those in vain.
  [[nodiscard]] std::uint64_t tries() const;

 private:
  template <class M>
  [[nodiscard]] static Result<M> decodeReply(const Frame& frame) {
    if (frame.type != M::kType) return fail(Error::Kind::syntax, "ipc: a reply of the wrong type");
    return decode<M>(frame.body);
  }
  [[nodiscard]] Task<Result<Frame>> callFrame(Frame request, Deadline deadline);
  void notifyFrame(Frame frame);
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// One accepted connection, as handlers see it.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  [[nodiscard]] virtual const PeerCredentials& peer() const = 0;
  [[nodiscard]] virtual std::uint64_t id() const = 0;  ///< never used again within a process
};

/// What one peer may cost us. Beyond the first two nothing is read from it until replies have gone out.
struct ServerLimits {
  std::size_t requestsInFlight = 4096;         ///< of one connection
  std::size_t octetsInFlight = 16U << 20;      ///< bodies of those, and replies not yet sent
  std::size_t connections = 1024;
  std::size_t connectionsPerUser = 128;        ///< of a uid that is neither root nor our own
};

/// Serves one socket on one loop. Each request runs as a task of its own, started in the order the requests came; replies go
/// out as they finish, in any order. Requests of a connection that closes are cancelled (their tasks destroyed), unless their
/// type was registered with OnClose::finish. A request of a type that nobody registered is answered with Failure notFound.
class Server {
 public:
  explicit Server(Loop& loop, ServerLimits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  using Handler = std::function<Task<Result<Frame>>(std::shared_ptr<ServerConnection>, Frame)>;
  enum class OnClose { cancel, finish };

  /// Registers what answers requests of type M. `handler`: Task<Result<M::Reply>>(std::shared_ptr<ServerConnection>, M,
  /// std::vector<UniqueFd>), a function or a lambda that only forwards to one (coroutine lambdas do not capture).
  template <class M, class F>
  void on(F handler, OnClose onClose = OnClose::cancel) {
    addHandler(M::kType, onClose, [handler](std::shared_ptr<ServerConnection> from, Frame frame) {
      return answer<M>(handler, std::move(from), std::move(frame));
    });
  }
  /// As on(), for replies that carry descriptors: the handler returns Task<Result<Client::Answer<M::Reply>>>.
  template <class M, class F>
  void onWithDescriptors(F handler, OnClose onClose = OnClose::cancel) {
    addHandler(M::kType, onClose, [handler](std::shared_ptr<ServerConnection> from, Frame frame) {
      return answerWithDescriptors<M>(handler, std::move(from), std::move(frame));
    });
  }
  /// For messages without a reply: void(std::shared_ptr<ServerConnection>, M).
  template <class M, class F>
  void onNotice(F handler) {
    addNotice(M::kType, [handler](std::shared_ptr<ServerConnection> from, Frame frame) {
      if (auto message = decode<M>(frame.body)) handler(std::move(from), std::move(*message));
    });
  }
  /// Called when a connection is gone and its requests are cancelled, e.g. to void its tokens and drafts.
  void onClosed(std::function<void(const ServerConnection&)> callback);

  /// Told why, when a peer broke the rules of the frames.
  void onFault(std::function<void(const ServerConnection&, const std::string& why)> callback);

  /// Errors: exists (a live process listens there), permanent. A stale socket file is replaced. A socket at that path which
  /// systemd hands over is used as it is, and survives this server.
  [[nodiscard]] Result<void> listen(const std::string& path, unsigned mode);
  /// Takes a connected socket as if it had been accepted: for socketpair(2).
  void adopt(UniqueFd socket);
  /// Takes no new connections; those there go on.
  void stopListening();

 private:
  template <class M, class F>
  static Task<Result<Frame>> answer(F handler, std::shared_ptr<ServerConnection> from, Frame frame) {
    auto message = decode<M>(frame.body);
    if (!message) co_return fail(message.error());
    auto reply = co_await handler(std::move(from), std::move(*message), std::move(frame.descriptors));
    if (!reply) co_return fail(reply.error());
    co_return Frame{M::Reply::kType, encode(*reply), {}};
  }
  template <class M, class F>
  static Task<Result<Frame>> answerWithDescriptors(F handler, std::shared_ptr<ServerConnection> from, Frame frame) {
    auto message = decode<M>(frame.body);
    if (!message) co_return fail(message.error());
    auto reply = co_await handler(std::move(from), std::move(*message), std::move(frame.descriptors));
    if (!reply) co_return fail(reply.error());
    co_return Frame{M::Reply::kType, encode(reply->message), std::move(reply->descriptors)};
  }
  void addHandler(std::uint16_t type, OnClose onClose, Handler handler);
  void addNotice(std::uint16_t type, std::function<void(std::shared_ptr<ServerConnection>, Frame)> handler);
  class Connection;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ostler::ipc
