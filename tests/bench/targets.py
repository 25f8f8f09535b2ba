"""targets.py - what is measured: Ostler as quickstart starts it, and Postfix with Dovecot as Debian ships them.

Both answer the same questions: start(mode), stop(), env() with ports and users, delivered(), wait_empty(), pids().
Durability is equal: Postfix syncs each queue file before it answers, Dovecot's mail_fsync is its default, Ostler syncs its journal.
"""
import glob
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, TOP + "/tests")
from suite import free_port_base  # noqa: E402

USERS = 100


def wait_until(question, seconds, what):
    """Asks until the answer is true. For peers that offer nothing to wait on."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)


def listens(port):
    with open("/proc/net/tcp") as table:
        return f":{port:04X} 00000000:0000 0A" in table.read()


def send(port, recipient):
    """Until it is taken: whoever was started a moment ago may not listen yet."""
    end = time.monotonic() + 60
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", int(port), timeout=60) as client:
                client.sendmail("sender@elsewhere.test", [recipient], "Subject: first\r\n\r\nfirst\r\n")
            return
        except (OSError, smtplib.SMTPException):
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


class Ostler:
    name = "ostler"

    def __init__(self, scratch):
        self.root, self.base = scratch + "/ostler", free_port_base()
        self.quickstart = TOP + "/packaging/quickstart"

    def start(self, mode):
        """mode: accept (nothing is delivered), store, relay:PORT, queue:PORT:PORT of alive.test."""
        os.makedirs(os.path.dirname(self.root), exist_ok=True)
        conf = self.root + ".yaml"
        with open(conf, "w") as out:
            out.write(CONF)
            kind, *ports = mode.split(":")
            if kind in ("relay", "accept", "queue"):
                out.write("routes:\n" + ROUTE.format(domain="relay.test", port=ports[0] if ports else 1))
            if kind == "queue":
                out.write(ROUTE.format(domain="alive.test", port=ports[1]))
        result = subprocess.run([self.quickstart, "--background", "--root", self.root, "--port-base", str(self.base), "--conf", conf,
                                 "--plaintext-login", "--users", str(USERS)], capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError("quickstart: " + result.stdout[-2000:] + result.stderr[-2000:])
        with open(self.root + "/sandbox.env") as stream:
            self.sandbox = dict(line.strip().split("=", 1) for line in stream if "=" in line)
        self.sandbox = {key: value.strip("'\"") for key, value in self.sandbox.items()}
        if mode == "accept":
            self.tool("queue", "freeze", "--all")

    def tool(self, *words):
        return subprocess.run([self.sandbox["BIN_DIR"] + "/ostler", *words, "-c", self.sandbox["CONFIG"]], capture_output=True,
                              text=True, check=True).stdout

    def stop(self):
        subprocess.run([self.quickstart, "--stop", "--root", self.root], capture_output=True)

    def clear(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def env(self, store=None):
        """`store`: the peers' kind of mailbox; we have one."""
        box = self.sandbox
        return {"smtp": box["SMTP_PORT"], "smtps": box["SUBMISSIONS_PORT"], "imap": box["IMAP_PORT"], "imaps": box["IMAPS_PORT"], "pop3": box["POP3_PORT"],
                "pop3s": box["POP3S_PORT"], "pass": box["PASS1"], "domain": "example.test"}

    def wait_command(self):
        return f"cmd:{self.sandbox['BIN_DIR']}/ostler queue wait --empty --timeout 300 -c {self.sandbox['CONFIG']}"

    def deferred(self):
        return self.tool("queue", "list", "--json").count('"state":"deferred"')

    def list_queue(self):
        self.tool("queue", "list")

    def retry_all(self):
        self.tool("queue", "retry", "--all")

    def restart(self):
        """The process that keeps the queue; its supervisor starts it again."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as stream:
                    words = stream.read().split(b"\0")
            except OSError:
                continue
            if b"spool" in words and self.sandbox["CONFIG"].encode() in words:
                os.kill(int(path.split("/")[2]), signal.SIGKILL)

    def send(self, recipient):
        send(self.env()["smtp"], recipient)

    def pids(self):
        return [int(self.sandbox["SUPERVISOR_PID"])]

    smtp_pids = pids


CONF = """smtp:
  relay_from: [127.0.0.0/8]
"""
ROUTE = """  - domain: "{domain}"
    action: smarthost
    host: "[127.0.0.1]"
    port: {port}
"""


class Peers:
    """Postfix 3.7 and Dovecot 2.3 in their own mount namespace."""
    name = "postfix+dovecot"
    SMTP, SMTPS, IMAP, IMAPS, POP3, POP3S = 22525, 22465, 22143, 22993, 22110, 22995

    def __init__(self, peer_root, scratch):
        self.shell, self.dir = peer_root, scratch
        self.etc, self.spool = scratch + "/etc", scratch + "/spool"

    def start(self, mode, login="performance", fsync="optimized"):
        os.makedirs(self.etc, exist_ok=True)
        os.chmod(self.dir, 0o755)
        self.write_dovecot(login, fsync)
        self.write_postfix(mode)
        self.shell.run(f"mkdir -p {self.dir}/mail {self.dir}/dovecot {self.dir}/data {self.spool}/etc; chown 5000:5000 {self.dir}/mail; "
                       f"chown root:root {self.spool}; chown postfix {self.dir}/data; chmod 755 {self.dir} {self.dir}/mail")
        self.shell.run(f"cp /etc/services /etc/hosts /etc/nsswitch.conf {self.spool}/etc/; postfix -c {self.etc} start >/dev/null 2>&1")
        self.shell.run(f"ulimit -n 20000; dovecot -c {self.etc}/dovecot.conf")
        wait_until(lambda: listens(self.SMTP) and listens(self.IMAP), 20, "the peers do not listen")

    def stop(self):
        self.shell.run(f"postfix -c {self.etc} stop >/dev/null 2>&1; doveadm -c {self.etc}/dovecot.conf stop 2>/dev/null; true")
        wait_until(lambda: not listens(self.SMTP) and not listens(self.IMAP), 20, "the peers do not stop")

    def clear(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)

    def deferred(self):
        return sum(len(files) for _, _, files in os.walk(self.spool + "/deferred"))

    def list_queue(self):
        self.shell.run(f"postqueue -c {self.etc} -p >/dev/null")

    def retry_all(self):
        """The second command has the host that was down asked again."""
        self.shell.run(f"postsuper -c {self.etc} -r ALL >/dev/null 2>&1; postqueue -c {self.etc} -f")

    def restart(self):
        self.shell.run(f"postfix -c {self.etc} stop >/dev/null 2>&1; postfix -c {self.etc} start >/dev/null 2>&1")

    def send(self, recipient):
        send(self.SMTP, recipient)

    def empty_queue(self):
        self.shell.run(f"postsuper -c {self.etc} -d ALL >/dev/null 2>&1; true")

    def env(self, store="sdbox"):
        return {"smtp": self.SMTP, "smtps": self.SMTPS, "imap": self.IMAP, "imaps": self.IMAPS, "pop3": self.POP3, "pop3s": self.POP3S, "pass": "pw",
                "domain": f"{store}.test"}

    def wait_command(self):
        return "dirs:" + ":".join(f"{self.spool}/{queue}" for queue in ("maildrop", "incoming", "active", "deferred"))

    def pids(self):
        return self.named("dovecot")

    def smtp_pids(self):
        """Postfix's master, whose children speak to clients."""
        return self.named("master")

    @staticmethod
    def named(program):
        """As seen from outside the peers' namespace."""
        found = []
        for path in glob.glob("/proc/[0-9]*/comm"):
            try:
                with open(path) as stream:
                    if stream.read().strip() == program:
                        found.append(int(path.split("/")[2]))
            except OSError:
                continue
        return found

    def write_postfix(self, mode):
        kind, port, alive = (mode + "::").split(":")[:3]
        lines = [f"queue_directory = {self.spool}", f"data_directory = {self.dir}/data",
                 f"maillog_file = {self.dir}/maillog", "maillog_file_prefixes = /", f"smtpd_tls_cert_file = {self.etc}/crt.pem",
                 f"smtpd_tls_key_file = {self.etc}/key.pem", *POSTFIX]
        lines += {"accept": ["smtpd_client_restrictions = static:HOLD", "relayhost = [127.0.0.1]:1"],
                  "relay": [f"relayhost = [127.0.0.1]:{port}"],
                  "queue": [f"relayhost = [127.0.0.1]:{port}", f"transport_maps = inline:{{alive.test=smtp:[127.0.0.1]:{alive}}}"],
                  "store": ["virtual_mailbox_domains = static:all", "virtual_mailbox_maps = static:all",
                            f"virtual_transport = lmtp:unix:{self.dir}/dovecot/lmtp"]}[kind]
        with open(self.etc + "/main.cf", "w") as out:
            out.write("\n".join(lines) + "\n")
        with open(self.etc + "/master.cf", "w") as out:
            out.write(MASTER.format(port=self.SMTP, smtps=self.SMTPS))

    def write_dovecot(self, login, fsync):
        if not os.path.exists(self.etc + "/key.pem"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                            "-subj", "/CN=localhost", "-keyout", self.etc + "/key.pem", "-out", self.etc + "/crt.pem"],
                           check=True, capture_output=True)
        with open(self.etc + "/users", "w") as out:
            for store, location in {"maildir": "maildir:~/Maildir", "sdbox": "sdbox:~/mail", "mdbox": "mdbox:~/mail"}.items():
                for number in range(USERS):
                    home = f"{self.dir}/mail/{store}.test/u{number}"
                    out.write(f"u{number}@{store}.test:{{PLAIN}}pw:5000:5000::{home}::userdb_mail={location}\n")
        workers = "service_count = 0\n  process_min_avail = 2\n  client_limit = 5000" if login == "performance" else "service_count = 1"
        with open(self.etc + "/dovecot.conf", "w") as out:
            out.write(DOVECOT.format(dir=self.dir, etc=self.etc, login=workers, fsync=fsync, imap=self.IMAP, imaps=self.IMAPS,
                                     pop3=self.POP3, pop3s=self.POP3S))


POSTFIX = """compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 100000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
default_process_limit = 250
smtpd_client_connection_count_limit = 0""".splitlines()

MASTER = """127.0.0.1:{port} inet n - y - - smtpd
127.0.0.1:{smtps} inet n - y - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - y 1000? 1 tlsmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
trace unix - - y - 0 bounce
verify unix - - y - 1 verify
flush unix n - y 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - y - - smtp
relay unix - - y - - smtp
showq unix n - y - - showq
error unix - - y - - error
retry unix - - y - - error
discard unix - - y - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - y - 1 anvil
scache unix - - y - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

DOVECOT = """base_dir = {dir}/dovecot
log_path = {dir}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{etc}/crt.pem
ssl_key = <{etc}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_fsync = {fsync}
first_valid_uid = 500
mail_max_userip_connections = 5000
default_client_limit = 8000
passdb {{
  driver = passwd-file
  args = scheme=plain {etc}/users
}}
userdb {{
  driver = passwd-file
  args = {etc}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  {login}
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  {login}
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 3000
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  client_limit = 20000
}}
service auth {{
  client_limit = 20000
}}
"""
