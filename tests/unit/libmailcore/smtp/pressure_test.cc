#include "libmailcore/smtp/pressure.h"

#include <catch2/catch.hpp>

using namespace ostler::smtp;

namespace {

struct Said {
  int code;
  const char* enhanced;
  const char* text;
};

}  // namespace

TEST_CASE("a host that wants less of us is heard, however it says so") {
  for (const Said& said : {
           Said{421, "4.7.0", "mx.example.net Error: too many connections from 192.0.2.1"},
           Said{421, "", "Too many concurrent SMTP connections; please try again later."},
           Said{421, "4.3.2", "Too many open connections."},
           Said{421, "4.3.2", "Connection rate limit exceeded."},
           Said{421, "4.3.2", "All server ports are busy"},
           Said{432, "4.3.2", "Concurrent connections limit exceeded. Visit https://example.net/sending"},
           Said{421, "4.7.28", "Gmail has detected an unusual rate of mail\n4.7.28 originating from your IP address"},
           Said{421, "4.7.0", "[192.0.2.1 15] Our system has detected an unusual rate of\n4.7.0 unsolicited mail"},
           Said{421, "4.7.0", "Try again later, closing connection."},
           Said{421, "4.4.5", "Server busy, try again later."},
           Said{451, "4.4.5", "Insufficient disk space; try again later"},
           Said{451, "4.7.500", "Server busy. Please try again later from [192.0.2.1]. (S77719)"},
           Said{451, "4.7.650", "The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation."},
           Said{451, "4.7.652", "The mail server [192.0.2.1] has exceeded the maximum number of connections."},
           Said{421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints"},
           Said{421, "", "RP-001 Unfortunately, some messages from 192.0.2.1 weren't sent. We have limits for how many messages can be sent per hour and per day."},
           Said{450, "4.7.1", "Error: too much mail from 192.0.2.1"},
           Said{450, "4.7.1", "Error: too many recipients from 192.0.2.1"},
           Said{421, "4.1.0", "192.0.2.1 Throttled - try again later. RL000001"},
           Said{421, "4.7.0", "Trop de connexions, veuillez verifier votre configuration"},
           Said{452, "4.3.1", "Insufficient system resources"},
           Said{421, "", "mx.example.net Service not available, closing transmission channel"},
           Said{421, "", "mx.example.net: Too much load; please try again later."},
           Said{450, "", "MAIL RATE LIMIT EXCEEDED. For explanation visit ..."},
       }) {
    CAPTURE(said.code, said.enhanced, said.text);
    const Pressure pressure = pressureOf(said.code, said.enhanced, said.text);
    CHECK(pressure.isFelt);
    CHECK_FALSE(pressure.rule.empty());
  }
}

TEST_CASE("what speaks of one message, one sender, one recipient or nothing slows nobody else's mail down") {
  for (const Said& said : {
           Said{450, "4.2.0", "<user@example.net>: Recipient address rejected: Greylisted, see http://postgrey.example/"},
           Said{451, "4.7.1", "Greylisting in action, please come back in 00:05:00"},
           Said{451, "", "Temporary failure, please try again later."},
           Said{451, "4.7.1", "Try again later"},
           Said{421, "4.7.0", "[GL01] Message from (192.0.2.1) temporarily deferred - 4.16.50"},
           Said{452, "4.2.2", "The email account that you tried to reach is over quota"},
           Said{452, "", "Mailbox full"},
           Said{422, "", "The recipient's mailbox is over quota, too many messages"},
           Said{450, "4.2.1", "The user you are trying to contact is receiving mail at a rate that exceeds the rate limit"},
           Said{450, "4.2.1", "The user you are trying to contact is receiving mail too quickly, too many messages"},
           Said{432, "4.3.2", "STOREDRV.Deliver; recipient thread limit exceeded"},
           Said{450, "4.7.1", "<eve@here.test>: Sender address rejected: Policy: rate limit exceeded"},
           Said{421, "4.7.26", "This mail has been rate limited because it is unauthenticated"},
           Said{421, "4.7.27", "Your email has been rate limited because SPF did not pass"},
           Said{452, "4.5.3", "Too many recipients"},
           Said{452, "", "too many recipients"},
           Said{451, "4.3.0", "Mail server temporarily rejected message"},
           Said{452, "4.3.1", "Message size exceeds what is free now"},
           Said{450, "4.1.8", "Domain of sender address does not resolve"},
           Said{450, "4.7.1", "Client host rejected: cannot find your reverse hostname"},
           Said{421, "4.7.0", "Error: too many errors"},
           Said{421, "4.4.2", "mx.example.net Error: timeout exceeded"},
           Said{450, "", ""},
       }) {
    CAPTURE(said.code, said.enhanced, said.text);
    CHECK_FALSE(pressureOf(said.code, said.enhanced, said.text).isFelt);
  }
}

TEST_CASE("only a temporary refusal says that a host wants less for now") {
  for (const int code : {0, 250, 354, 399, 500, 550, 554, 999}) {
    CAPTURE(code);
    CHECK_FALSE(pressureOf(code, "4.7.28", "too many connections, rate limit").isFelt);
  }
}
