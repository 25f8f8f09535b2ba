// fixed_resolver.h - a Resolver that knows what a test tells it. What it was not told is nxdomain.
#pragma once

#include <map>
#include <utility>

#include "libmailcore/dns/name.h"
#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

class FixedResolver final : public Resolver {
 public:
  void set(const std::string& name, Type type, Answer answer) {
    if (answer.canonicalName.empty()) answer.canonicalName = name;
    answers_[{name, type}] = std::move(answer);
  }
  void addAddress(const std::string& name, const std::string& address, bool secure = false) {
    const net::IpAddress ip = net::IpAddress::parse(address).value();
    const Type type = ip.isV4() ? Type::a : Type::aaaa;
    Answer& answer = found(name, type, secure);
    answer.addresses.push_back(ip);
    const Type other = ip.isV4() ? Type::aaaa : Type::a;  // the name is there: the other family is nodata
    if (!answers_.contains({name, other})) set(name, other, Answer{.status = Status::nodata, .authenticated = secure});
  }
  void addMx(const std::string& domain, std::uint16_t preference, const std::string& exchange, bool secure = false) {
    found(domain, Type::mx, secure).mx.push_back({preference, exchange});
  }
  void addTlsa(const std::string& name, net::TlsaRecord record, bool secure = true) {
    found(name, Type::tlsa, secure).tlsa.push_back(std::move(record));
  }
  void addText(const std::string& name, const std::string& text) { found(name, Type::txt, false).texts.push_back(text); }
  void addPointer(const std::string& name, const std::string& target) { found(name, Type::ptr, false).names.push_back(target); }
  /// From now on this question ends so.
  void setStatus(const std::string& name, Type type, Status status) { set(name, type, Answer{.status = status}); }

  [[nodiscard]] std::size_t asked() const { return asked_; }

  Task<Result<Answer>> lookup(std::string name, Type type, Deadline) override {
    ++asked_;
    const Result<std::string> canonical = canonicalForm(name);
    if (!canonical) co_return fail(canonical.error());
    const auto at = answers_.find({*canonical, type});
    if (at != answers_.end()) co_return at->second;
    Answer none;
    none.status = Status::nxdomain;
    for (const auto& [key, answer] : answers_) {
      if (key.first == *canonical) none.status = Status::nodata;
    }
    none.canonicalName = *canonical;
    co_return none;
  }

 private:
  Answer& found(const std::string& name, Type type, bool secure) {
    Answer& answer = answers_[{name, type}];
    answer.status = secure ? Status::secure : Status::insecure;
    answer.authenticated = secure;
    answer.canonicalName = name;
    return answer;
  }
  std::map<std::pair<std::string, Type>, Answer> answers_;
  std::size_t asked_ = 0;
};

}  // namespace ostler::dns
