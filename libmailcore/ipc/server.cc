#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>

#include "libmailcore/ipc/link.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::ipc {
namespace {

Result<PeerCredentials> credentialsOf(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return fail(Error::Kind::closed, std::string("SO_PEERCRED: ") + std::strerror(errno));
  }
  std::vector<gid_t> groups(64);
  socklen_t octets = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &octets) != 0) octets = 0;  // more than that: none count
  groups.resize(octets / sizeof(gid_t));
  return PeerCredentials{peer.pid, peer.uid, peer.gid, std::move(groups)};
}

Result<sockaddr_un> addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(Error::Kind::permanent, "a socket's path has at most 107 octets: " + path);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

bool somebodyListens(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return connected == 0 || errno == EAGAIN;
}

/// The socket at that path among those of LISTEN_FDS (sd_listen_fds(3)). It stays open there, and its file too, so that
/// requests wait while this process is restarted.
UniqueFd inheritedAt(const std::string& path) {
  const int count = sd_listen_fds(0);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path.c_str(), 0) <= 0) continue;
    UniqueFd ours(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (ours) ::fcntl(ours.get(), F_SETFL, ::fcntl(ours.get(), F_GETFL) | O_NONBLOCK);
    return ours;
  }
  return {};
}

Result<UniqueFd> listenAt(const std::string& path, unsigned mode) {
  const auto address = addressOf(path);
  if (!address) return fail(address.error());
  if (somebodyListens(*address)) return fail(Error::Kind::exists, path + ": another process listens there");
  ::unlink(path.c_str());  // what a killed process left behind
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&path](const char* call) {
    return fail(Error::Kind::permanent, path + ": " + call + ": " + std::strerror(errno));
  };
  if (!socket) return failed("socket");
  if (::fchmod(socket.get(), mode) != 0)
    return failed("fchmod");  // the mode the file is made with, so that it is never wider
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) return failed("bind");
  if (::chmod(path.c_str(), mode) != 0) return failed("chmod");
  if (::listen(socket.get(), 4096) != 0) return failed("listen");
  return socket;
}

}  // namespace

struct Server::Impl {
  Impl(Loop& on, ServerLimits most) : loop(on), limits(most), finishing(on) {}
  ~Impl();

  struct Answering {
    OnClose onClose = OnClose::cancel;
    Handler handler;
  };
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  void acceptAll();
  void add(UniqueFd socket);
  void remove(const std::shared_ptr<Connection>& gone);
  [[nodiscard]] bool hasRoomFor(uid_t uid) const;

  Loop& loop;
  const ServerLimits limits;
  std::map<std::uint16_t, Answering> handlers;
  std::map<std::uint16_t, std::function<void(std::shared_ptr<ServerConnection>, Frame)>> notices;
  std::function<void(const ServerConnection&)> closed;
  std::function<void(const ServerConnection&, const std::string&)> fault;
  UniqueFd listening;
  std::string path;  ///< of the file we made; empty: it was handed over, and stays
  std::unique_ptr<event, FreeEvent> accepting;
  std::uint64_t lastId = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections;
  std::unordered_map<uid_t, std::size_t> perUser;
  TaskScope finishing;  // requests that outlive their connection
};

class Server::Connection final : public ServerConnection,
                                 public Link::Owner,
                                 public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, UniqueFd socket, PeerCredentials peer, std::uint64_t id)
      : server_(&server),
        peer_(peer),
        id_(id),
        tasks_(server.loop),
        link_(std::make_unique<Link>(server.loop, std::move(socket), *this)) {}

  [[nodiscard]] const PeerCredentials& peer() const override { return peer_; }
  [[nodiscard]] std::uint64_t id() const override { return id_; }

  void onFrame(const FrameHeader& header, Frame frame) override {
    if (header.requestId == 0) {
      const auto notice = server_->notices.find(frame.type);
      if (notice != server_->notices.end()) notice->second(shared_from_this(), std::move(frame));
      return;
    }
    const auto found = server_->handlers.find(frame.type);
    if (found == server_->handlers.end() || header.isReply()) {
      answer(header.requestId, fail(Error::Kind::notFound, "ipc: nobody answers requests of this type"));
      return;
    }
    TaskScope& scope = found->second.onClose == OnClose::finish ? server_->finishing : tasks_;
    scope.spawn(run(shared_from_this(), found->second.handler, header.requestId, std::move(frame)));
  }
  void onBroken(const Error& why) override {
    const std::shared_ptr<Connection> self = shared_from_this();
    if (server_->fault && why.kind != Error::Kind::closed) server_->fault(*this, why.detail);
    link_.reset();
    tasks_.cancelAll();
    server_->remove(self);
  }
  void onDrained() override { lookAgain(); }

  /// The server goes: whatever finishes later answers nobody.
  void abandon() {
    link_.reset();
    tasks_.cancelAll();
    server_ = nullptr;
  }

 private:
  // Counts a request while it runs; also when it is cancelled.
  class InFlight {
   public:
    InFlight(std::shared_ptr<Connection> of, std::size_t octets) : of_(std::move(of)), octets_(octets) {
      ++of_->requests_;
      of_->octets_ += octets_;
      of_->lookAgain();
    }
    ~InFlight() {
      --of_->requests_;
      of_->octets_ -= octets_;
      of_->lookAgain();
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    std::shared_ptr<Connection> of_;
    std::size_t octets_;
  };

  static Task<void> run(std::shared_ptr<Connection> self, Handler handler, std::uint32_t requestId, Frame frame) {
    const InFlight counted(self, frame.body.size());
    Result<Frame> reply = co_await handler(self, std::move(frame));
    self->answer(requestId, std::move(reply));
  }

  void answer(std::uint32_t requestId, Result<Frame> reply) {
    if (!link_) return;
    if (reply && (reply->body.size() > kMaxFrame || reply->descriptors.size() > kMaxDescriptors)) {
      reply = fail(Error::Kind::limit, "ipc: the reply is larger than a frame may be");
    }
    if (!reply) {
      const Failure failure{static_cast<std::uint8_t>(reply.error().kind), reply.error().detail};
      reply = Frame{Failure::kType, encode(failure), {}};
    }
    link_->send(kReplyFlag, requestId, std::move(*reply));
    lookAgain();
  }

  // Reads on when there is room for more requests, stops when there is not.
  void lookAgain() {
    if (!link_ || !server_) return;
    const ServerLimits& limits = server_->limits;
    if (requests_ >= limits.requestsInFlight || octets_ >= limits.octetsInFlight || link_->wantsToWait()) {
      link_->pause();
    } else {
      link_->resume();
    }
  }

  Impl* server_;
  const PeerCredentials peer_;
  const std::uint64_t id_;
  TaskScope tasks_;
  std::unique_ptr<Link> link_;
  std::size_t requests_ = 0;
  std::size_t octets_ = 0;
};

Server::Impl::~Impl() {
  for (const auto& [id, connection] : connections) connection->abandon();
  finishing.cancelAll();
}

bool Server::Impl::hasRoomFor(uid_t uid) const {
  if (connections.size() >= limits.connections) return false;
  if (uid == 0 || uid == ::geteuid()) return true;
  const auto found = perUser.find(uid);
  return found == perUser.end() || found->second < limits.connectionsPerUser;
}

void Server::Impl::acceptAll() {
  while (true) {
    UniqueFd socket(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;  // EAGAIN; and when descriptors run out the event comes again
    add(std::move(socket));
  }
}

void Server::Impl::add(UniqueFd socket) {
  const auto peer = credentialsOf(socket.get());
  if (!peer || !hasRoomFor(peer->uid)) return;
  const std::uint64_t id = ++lastId;
  ++perUser[peer->uid];
  connections.emplace(id, std::make_shared<Connection>(*this, std::move(socket), *peer, id));
}

void Server::Impl::remove(const std::shared_ptr<Connection>& gone) {
  const auto user = perUser.find(gone->peer().uid);
  if (user != perUser.end() && --user->second == 0) perUser.erase(user);
  connections.erase(gone->id());
  if (closed) closed(*gone);
}

Server::Server(Loop& loop, ServerLimits limits) : impl_(std::make_unique<Impl>(loop, limits)) {}
Server::~Server() {
  stopListening();
}

void Server::onClosed(std::function<void(const ServerConnection&)> callback) {
  impl_->closed = std::move(callback);
}
void Server::onFault(std::function<void(const ServerConnection&, const std::string&)> callback) {
  impl_->fault = std::move(callback);
}
void Server::addHandler(std::uint16_t type, OnClose onClose, Handler handler) {
  impl_->handlers[type] = {onClose, std::move(handler)};
}
void Server::addNotice(std::uint16_t type, std::function<void(std::shared_ptr<ServerConnection>, Frame)> handler) {
  impl_->notices[type] = std::move(handler);
}

Result<void> Server::listen(const std::string& path, unsigned mode) {
  impl_->listening = inheritedAt(path);
  if (!impl_->listening) {
    auto socket = listenAt(path, mode);
    if (!socket) return fail(socket.error());
    impl_->listening = std::move(*socket);
    impl_->path = path;
  }
  impl_->accepting.reset(event_new(
      impl_->loop.base(), impl_->listening.get(), EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* impl) { static_cast<Impl*>(impl)->acceptAll(); }, impl_.get()));
  event_add(impl_->accepting.get(), nullptr);
  return {};
}

void Server::adopt(UniqueFd socket) {
  impl_->add(std::move(socket));
}

void Server::stopListening() {
  impl_->accepting.reset();
  if (!impl_->listening) return;
  impl_->listening.reset();
  if (!impl_->path.empty()) ::unlink(impl_->path.c_str());
}

}  // namespace ostler::ipc
