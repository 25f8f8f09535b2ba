#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <unordered_map>

#include "libmailcore/ipc/link.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::ipc {
namespace {

constexpr std::chrono::milliseconds kFirstBackOff{10};
constexpr std::chrono::milliseconds kLongestBackOff{50};  // a try costs microseconds, and whoever waits is a client's dialogue

Result<UniqueFd> connectNow(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Error::Kind::limit, "ipc: socket path too long: " + path);
  path.copy(address.sun_path, path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Error::Kind::temporary, std::string("socket: ") + std::strerror(errno));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Error::Kind::temporary, path + ": " + std::strerror(errno));
  }
  return socket;
}

Error errorOf(const Frame& frame) {
  const auto failure = decode<Failure>(frame.body);
  if (!failure) return failure.error();
  constexpr auto kLast = static_cast<std::uint8_t>(Error::Kind::outcomeUnknown);
  const auto kind = failure->kind <= kLast ? static_cast<Error::Kind>(failure->kind) : Error::Kind::temporary;
  return {kind, failure->detail};
}

}  // namespace

/// Shared with the calls that wait, which may be destroyed after the client.
class Client::Impl final : public Link::Owner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& on, std::string at) : loop_(on), path_(std::move(at)) {
    retry_.reset(event_new(
        loop_.base(), -1, 0, [](evutil_socket_t, short, void* impl) { static_cast<Impl*>(impl)->retry(); }, this));
  }

  Task<Result<Frame>> call(Frame request, Deadline deadline) {
    if (request.body.size() > kMaxFrame || request.descriptors.size() > kMaxDescriptors) {
      co_return fail(Error::Kind::limit, "ipc: the request is larger than a frame may be");
    }
    while (mustWait()) {
      const Waiting waiting(*this);
      const Result<void> woken = co_await waiting.place->wait(deadline);
      if (closed_) co_return fail(Error::Kind::closed, "ipc: the client was closed");
      if (!woken) co_return fail(Error::Kind::timeout, lastError_.empty() ? "ipc: " + path_ : lastError_);
    }
    Unanswered mine(*this);
    link_->send(0, mine.id, std::move(request));
    const Result<void> woken = co_await mine.answered.wait(deadline);
    if (!woken) co_return fail(Error::Kind::timeout, "ipc: no answer in time from " + path_);
    if (mine.reply && mine.reply->type == Failure::kType) co_return fail(errorOf(*mine.reply));
    co_return std::move(mine.reply);
  }

  void notify(Frame frame) {
    if (link_ && frame.body.size() <= kMaxFrame) link_->send(0, 0, std::move(frame));
  }
  [[nodiscard]] bool connected() const { return link_ != nullptr; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  [[nodiscard]] std::uint64_t tries() const { return tries_; }

  void close() {
    closed_ = true;
    retry_.reset();
    if (link_) onBroken({Error::Kind::closed, "the client was closed"});
    wakeWaiting();
  }

  void onFrame(const FrameHeader& header, Frame frame) override {
    const auto found = unanswered_.find(header.requestId);
    if (!header.isReply() || found == unanswered_.end()) return;  // nobody waits for it any more
    found->second->reply = std::move(frame);
    found->second->answered.set();
    unanswered_.erase(found);
  }
  void onBroken(const Error& why) override {
    link_.reset();
    lastError_ = path_ + ": " + why.detail;
    for (const auto& [id, call] : std::exchange(unanswered_, {})) {
      call->reply = fail(Error::Kind::closed, lastError_);
      call->answered.set();
    }
    if (!waiting_.empty() && !retrying_) connect();
  }
  void onDrained() override { wakeWaiting(); }

 private:
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  // A call that cannot be sent yet, in the order of the calls.
  struct Waiting {
    explicit Waiting(Impl& in) : impl(in), place(in.waiting_.emplace(in.waiting_.end(), in.loop_)) {}
    ~Waiting() { impl.waiting_.erase(place); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Impl& impl;
    std::list<Signal>::iterator place;
  };
  // A call that was sent; lives in the frame of the call.
  struct Unanswered {
    explicit Unanswered(Impl& in) : impl(in), answered(in.loop_) {
      do id = ++in.lastId_;
      while (id == 0 || !in.unanswered_.emplace(id, this).second);
    }
    ~Unanswered() {
      const auto found = impl.unanswered_.find(id);
      if (found != impl.unanswered_.end() && found->second == this) impl.unanswered_.erase(found);
    }
    Unanswered(const Unanswered&) = delete;
    Unanswered& operator=(const Unanswered&) = delete;
    Impl& impl;
    std::uint32_t id = 0;
    Signal answered;
    Result<Frame> reply;
  };

  [[nodiscard]] bool mustWait() {
    if (!link_ && !retrying_) connect();
    return !link_ || link_->wantsToWait();
  }

  void retry() {
    retrying_ = false;
    if (!waiting_.empty()) return connect();
    backOff_ = kFirstBackOff;  // nobody asks: the next call tries at once
  }

  void connect() {
    if (link_ || closed_) return;
    ++tries_;
    auto socket = connectNow(path_);
    if (socket) {
      link_ = std::make_unique<Link>(loop_, std::move(*socket), *this);
      ++generation_;
      backOff_ = kFirstBackOff;
      wakeWaiting();
      return;
    }
    lastError_ = socket.error().detail;
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(backOff_).count();
    const timeval in{micros / 1'000'000, micros % 1'000'000};
    event_add(retry_.get(), &in);
    retrying_ = true;
    backOff_ = std::min(2 * backOff_, kLongestBackOff);
  }

  void wakeWaiting() {
    for (Signal& one : waiting_) one.set();
  }

  Loop& loop_;
  std::string path_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<event, FreeEvent> retry_;
  bool retrying_ = false;
  bool closed_ = false;
  std::chrono::milliseconds backOff_ = kFirstBackOff;
  std::uint64_t generation_ = 0;
  std::uint64_t tries_ = 0;
  std::uint32_t lastId_ = 0;
  std::string lastError_;
  std::unordered_map<std::uint32_t, Unanswered*> unanswered_;
  std::list<Signal> waiting_;
};

Client::Client(Loop& loop, std::string path) : impl_(std::make_shared<Impl>(loop, std::move(path))) {}
Client::~Client() {
  impl_->close();
}

bool Client::connected() const {
  return impl_->connected();
}
std::uint64_t Client::tries() const {
  return impl_->tries();
}

std::uint64_t Client::generation() const {
  return impl_->generation();
}
void Client::notifyFrame(Frame frame) {
  impl_->notify(std::move(frame));
}

Task<Result<Frame>> Client::callFrame(Frame request, Deadline deadline) {
  const std::shared_ptr<Impl> impl = impl_;  // outlives the client while we wait
  Result<Frame> reply = co_await impl->call(std::move(request), deadline);
  co_return reply;
}

}  // namespace ostler::ipc
