"""suite.py - what the tests written in Python share: a report of cases, and the suite running in a sandbox.

A test program prints `ok NAME`, `FAIL NAME: what` or `skip NAME: reason`, a line each; tests/run counts them.
"""
import contextlib
import imaplib
import os
import poplib
import random
import shlex
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
QUICKSTART = SOURCE / 'packaging' / 'quickstart'
LONG = os.environ.get('OSTLER_LONG') == '1'
OFFSETS = {'SMTP': 25, 'SUBMISSION': 587, 'SUBMISSIONS': 465, 'LMTP': 24, 'POP3': 110, 'POP3S': 995, 'IMAP': 143, 'IMAPS': 993, 'HTTP': 80}


class Skip(Exception):
    """A case that cannot run here, with the reason."""


class Report:
    def __init__(self):
        self.failed = 0

    @contextlib.contextmanager
    def case(self, name):
        try:
            yield
        except Skip as reason:
            print(f'skip {name}: {reason}', flush=True)
        except Exception as fault:  # a test may fail in any way, the others go on
            self.failed += 1
            where = traceback.extract_tb(fault.__traceback__)[-1]
            text = ' '.join(f'{type(fault).__name__}: {fault}'.split())
            print(f'FAIL {name}: {text[:600]} ({Path(where.filename).name}:{where.lineno})', flush=True)
        else:
            print(f'ok {name}', flush=True)

    def exit(self):
        sys.exit(1 if self.failed else 0)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_until(condition, what, seconds=10.0):
    """Asks until the answer is true; the deadline is a failure."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.02)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f'{program} is not installed')


def is_free(port):
    for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port_base():
    for _ in range(200):
        base = random.randrange(4000, 30000)  # below the ports the kernel gives to clients
        if all(is_free(base + offset) for offset in OFFSETS.values()):
            return base
    raise Skip('no free ports')


def free_port():
    for _ in range(200):
        port = random.randrange(4000, 32000)
        if is_free(port):
            return port
    raise Skip('no free port')


def read_environment(file):
    """KEY=value lines as a shell reads them."""
    pairs = (line.split('=', 1) for line in Path(file).read_text().splitlines() if '=' in line)
    return {key: (shlex.split(value) or [''])[0] for key, value in pairs}


class Sandbox:
    """The suite as packaging/quickstart --background starts it. Use as a context manager, or stop() it."""

    def __init__(self, *options, root=None, port_base=None):
        self.folder = None if root else tempfile.mkdtemp(prefix='ostler-test-')
        self.root = str(root or self.folder)
        self.port_base = port_base or free_port_base()
        self.options = list(options)
        self.env = {}

    def line(self, *more):
        return [str(QUICKSTART), '--root', self.root, '--port-base', str(self.port_base), *self.options, *more]

    def start(self, timeout=900):
        done = subprocess.run(self.line('--background'), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        check(done.returncode == 0, f'quickstart: {done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}')
        self.reload()
        return self

    def reload(self):
        self.env = read_environment(Path(self.root) / 'sandbox.env')

    def stop(self):
        subprocess.run([str(QUICKSTART), '--root', self.root, '--stop'], timeout=30, check=False, capture_output=True)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *unused):
        self.stop()

    def port(self, service):
        return int(self.env[service.upper() + '_PORT'])

    def tls(self):
        return ssl.create_default_context(cafile=self.env['CA_FILE'])

    def password(self, user):
        return self.env['PASS1'] if user == self.env['USER1'] else self.env['PASS2']

    def imap(self, user, password=None):
        client = imaplib.IMAP4('localhost', self.port('imap'), timeout=30)
        client.starttls(self.tls())
        client.login(user, password or self.password(user))
        return client

    def pop3(self, user, password=None):
        client = poplib.POP3('localhost', self.port('pop3'), timeout=30)
        client.stls(self.tls())
        client.user(user)
        client.pass_(password or self.password(user))
        return client

    def submission(self, user, password=None):
        client = smtplib.SMTP('localhost', self.port('submission'), timeout=60)
        client.starttls(context=self.tls())
        client.login(user, password or self.password(user))
        return client

    def tool(self, *words, stdin=None, status=0, name='ostler'):
        """Runs a tool of the suite and returns what it printed."""
        done = subprocess.run([str(Path(self.env['BIN_DIR']) / name), *words, '-c', self.env['CONFIG']], input=stdin, text=True,
                              capture_output=True, timeout=120)
        check(status is None or done.returncode == status, f'{name} {" ".join(words)}: {done.returncode}: {done.stdout} {done.stderr}')
        return done.stdout
