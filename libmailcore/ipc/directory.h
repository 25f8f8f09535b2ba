// directory.h - whose a token is and where an address leads: spool → auth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/ipc/login.h"

namespace ostler::ipc {

struct Identity {
  static constexpr std::uint16_t kType = 111;
  using Reply = void;
  bool known = false;
  Account account;
  std::vector<std::string> addresses;  ///< what the account may send as
  template <class V>
  void fields(V& v) {
    v(known, account, addresses);
  }
};

/// Whose token is it?
struct WhoIs {
  static constexpr std::uint16_t kType = 110;
  using Reply = Identity;
  std::string token;
  template <class V>
  void fields(V& v) {
    v(token);
  }
};

/// Where an address leads. Aliases are expanded fully; each target once.
struct Resolution {
  static constexpr std::uint16_t kType = 113;
  using Reply = void;
  enum class Kind : std::uint8_t { remote, local, unknownUser, rejected, loop, tooMany };
  Kind kind = Kind::remote;         ///< remote: the domain is not ours
  std::string address;              ///< of a domain of ours: what was asked about, complete and as the directory writes it
  std::vector<Account> accounts;    ///< local mailboxes
  std::vector<std::string> mailboxes;  ///< same order as accounts: the folder a +tag asks for, or empty
  std::vector<std::string> remote;  ///< addresses elsewhere
  std::vector<std::string> files;   ///< where allowed
  std::vector<std::string> pipes;   ///< where allowed
  std::vector<std::string> steps;   ///< each rule looked at, in words: for `ostler explain`
  std::uint64_t longAnswer = 0;     ///< not 0: this is nothing; the Resolution is asked for in pieces by this number,
  std::uint64_t octets = 0;         ///< and has so many when encoded
  std::string domain;               ///< of ours that the address is in, by its first name, not an alias's; empty: none
  std::vector<std::string> nobody;  ///< addresses that aliases on the way name, and that nobody has
  template <class V>
  void fields(V& v) {
    v(kind, address, accounts, mailboxes, remote, files, pipes, steps, longAnswer, octets, domain, nobody);
  }
};

/// A piece of a Resolution that does not fit into a frame.
struct ResolutionPiece {
  static constexpr std::uint16_t kType = 115;
  using Reply = void;
  std::string octets;
  template <class V>
  void fields(V& v) {
    v(octets);
  }
};

struct ResolvePiece {
  static constexpr std::uint16_t kType = 114;
  using Reply = ResolutionPiece;
  std::uint64_t longAnswer = 0;
  std::uint64_t from = 0;  ///< octet
  template <class V>
  void fields(V& v) {
    v(longAnswer, from);
  }
};

struct Resolve {
  static constexpr std::uint16_t kType = 112;
  using Reply = Resolution;
  std::string address;  ///< "local@domain", or a bare local part for the default domain
  template <class V>
  void fields(V& v) {
    v(address);
  }
};

}  // namespace ostler::ipc
