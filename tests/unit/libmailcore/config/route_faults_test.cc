// Routes that are right one by one, and lead nowhere, back to us, or to nothing else than without them.
#include <catch2/catch.hpp>
#include <fstream>

#include "libmailcore/config/config.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::config;

namespace {

std::string problemsOf(const std::string& text) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.file("ostler.yaml")) << "host_name: mx.a.test\n" << text;
  std::string all;
  for (const Problem& problem : load(folder.file("ostler.yaml")).problems) all += toText(problem) + "\n";
  return all;
}

const std::string kHere = "smtp: {listeners: [{address: '127.0.0.1:2525'}]}\n";

struct Row {
  std::string what;
  std::string text;
  std::string expected;
};

}  // namespace

TEST_CASE("routes that cannot be, or lead back to this server, are told of") {
  for (const Row& row : {
           Row{"recipients elsewhere", "routes: [{domain: x.test, relay: true, recipients: [a@y.test]}]", "error: 'recipients': 'a@y.test' is not at x.test"},
           Row{"no recipient", "routes: [{domain: x.test, relay: true, recipients: ['a b']}]", "error: 'recipients': 'a b' is no local part and no address"},
           Row{"our address as a fallback", kHere + "routes: [{domain: x.test, fallback: ['127.0.0.1:2525']}]", "127.0.0.1 port 2525 is this server itself"},
           Row{"our name as a fallback", kHere + "routes: [{domain: x.test, fallback: ['mx.a.test:2525']}]", "mx.a.test port 2525 is this server itself"},
           Row{"our address as a relay for all", kHere + "outbound: {fallback_relays: ['[127.0.0.1]:2525']}", "127.0.0.1 port 2525 is this server itself"},
           Row{"our name as a gateway", kHere + "routes: [{domain: '*', action: smarthost, host: '[mx.a.test]'}]", "warning: [mx.a.test] port 25 is this server itself"},
           Row{"more failures than attempts", "smtp: {retry: {attempts: 2}}\nroutes: [{domain: '*', after_failures: 5, action: smarthost, host: '[h.test]'}]",
               "never reached: retry.attempts gives mail up before it has failed 5 times"},
           Row{"the same way after failures", "routes: [{domain: '*', after_failures: 3, action: mx}]", "this route changes nothing"},
           Row{"a folder that is asked", "routes: [{domain: x.test, relay: true, action: drop, call_ahead: true}]", "error: 'call_ahead' asks the server"},
           Row{"DANE of an address", "routes: [{domain: '*', action: smarthost, host: '[192.0.2.1]', tls_verify: dane}]", "error: tls_verify: dane needs a host by its name"},
           Row{"seconds", "routes: [{domain: x.test, relay: true, recipients: [a], etrn: {hold: true, from: [192.0.2.0/24], open: 1s}, retry: {first: 4s}}]",
               "a retry interval of 4s is longer than the 1s that etrn.open"},
           Row{"a forwarded domain", "routes: [{domain: x.test, relay: true, action: forward, host: y.test}]", "what y.test refuses comes back as a bounce"},
       }) {
    CAPTURE(row.what);
    CHECK_THAT(problemsOf(row.text), Catch::Contains(row.expected));
  }
}

TEST_CASE("routes that are as they should be are not told of") {
  for (const Row& row : {
           Row{"recipients here", "routes: [{domain: x.test, relay: true, recipients: [a, b@x.test, B@X.TEST, '\"c d\"@x.test']}]", "recipients"},
           Row{"recipients below", "routes: [{domain: .x.test, relay: true, recipients: [a@y.x.test]}]", "recipients"},
           Row{"another host as a fallback", kHere + "routes: [{domain: x.test, fallback: ['127.0.0.1:2526', 'mx.b.test:2525']}]", "itself"},
           Row{"another service of ours", kHere + "routes: [{domain: '*', action: smarthost, host: '[mx.a.test]', port: 10024}]", "itself"},
           Row{"fewer failures than attempts", "smtp: {retry: {attempts: 3}}\nroutes: [{domain: '*', after_failures: 2, action: smarthost, host: '[h.test]'}]", "never reached"},
           Row{"back to the hosts of the domain", "routes: [{domain: '*', after_failures: 3, action: mx}, {domain: '*', action: smarthost, host: '[h.test]'}]", "changes nothing"},
           Row{"a folder takes everybody", "routes: [{domain: x.test, relay: true, action: drop}]", "bounce"},
           Row{"DANE of a name", "routes: [{domain: '*', action: smarthost, host: '[h.test]', tls_verify: dane}]", "needs a host by its name"},
       }) {
    CAPTURE(row.what);
    CHECK_THAT(problemsOf(row.text), !Catch::Contains(row.expected));
  }
}
