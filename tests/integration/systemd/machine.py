"""machine.py - what the cases share that run in the booted machine: a line for each case, the units, mail in and out."""
import email.utils
import imaplib
import os
import pty
import select
import smtplib
import socket
import ssl
import subprocess
import threading
import time
import traceback

PASSWORD = 'correct horse battery staple'
UNITS = []  # of the installed package
TLS = ssl._create_unverified_context()  # the certificate is self-signed, on purpose


def case(name, work):
    try:
        work()
    except Exception as fault:
        where = traceback.extract_tb(fault.__traceback__)[-1]
        print(f'FAIL {name}: {type(fault).__name__}: {" ".join(str(fault).split())[:700]} ({os.path.basename(where.filename)}:{where.lineno})', flush=True)
    else:
        print(f'ok {name}', flush=True)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def sh(line, status=0, timeout=90):
    done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    check(status is None or done.returncode == status, f'{line}: {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}')
    return done.stdout


def at_terminal(line, answers=(), seconds=120):
    """Runs it where questions can be asked. `answers`: what is waited for, and what is typed then. Returns (status, all it said)."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe('sh', ['sh', '-c', line], {**os.environ, 'DEBIAN_FRONTEND': 'teletype', 'TERM': 'dumb'})
    said, left, deadline = '', list(answers), time.monotonic() + seconds
    try:
        while True:
            ready = select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]
            check(ready, f'{line} waits for something: {said[-600:]}')
            try:
                some = os.read(terminal, 65536)
            except OSError:  # how a terminal tells that nobody is there any more
                some = b''
            if not some:
                break
            said += some.decode(errors='replace')
            if left and left[0][0] in said:
                os.write(terminal, left.pop(0)[1].encode() + b'\n')
    except AssertionError:
        os.kill(child, 9)
        raise
    finally:
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    check(not left, f'{line} did not ask "{left and left[0][0]}": {said[-600:]}')
    return status, said


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f'{what}: not within {seconds} s')
        time.sleep(0.05)


def prop(unit, name):
    return sh(f'systemctl show -P {name} ostler-{unit}.service').strip()


def pid(unit):
    return int(prop(unit, 'MainPID'))


def services(verb):
    sh(f'systemctl {verb} ' + ' '.join(f'ostler-{unit}.service' for unit in UNITS))


def send(subject, to='bob@example.test', filler='Text.\r\n', times=1):
    client = smtplib.SMTP('127.0.0.1', 587, timeout=30)
    client.starttls(context=TLS)
    client.login('alice@example.test', PASSWORD)
    client.sendmail('alice@example.test', [to], f'From: alice@example.test\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {email.utils.formatdate()}\r\n\r\n' + filler * times)
    client.quit()


def imap(user='bob@example.test'):
    client = imaplib.IMAP4('127.0.0.1', 143, timeout=30)
    client.starttls(TLS)
    client.login(user, PASSWORD)
    client.select('INBOX')
    return client


def subjects(user='bob@example.test'):
    client = imap(user)
    there = client.uid('SEARCH', 'ALL')[1][0]
    rows = client.uid('FETCH', '1:*', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1] if there else []
    client.logout()
    return [row[1].decode().split(':', 1)[1].strip() for row in rows if isinstance(row, tuple)]


def arrives(subject, user='bob@example.test'):
    wait_until(lambda: subject in subjects(user), f'{subject} does not arrive')


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), 2).close()
    except OSError:
        return False
    return True


class Traffic:
    """Somebody who sends one message after another, whatever happens meanwhile; and somebody who knocks at each port."""
    def __init__(self, name):
        self.name = name
        self.acknowledged = []
        self.closed = set()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=work) for work in (self.keep_sending, self.knock)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: len(self.acknowledged) > 2, 'the first messages')
        return self

    def __exit__(self, *unused):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def keep_sending(self):
        count = 0
        while not self.over.wait(0.02):
            count += 1
            subject = f'{self.name} {count}'
            try:
                send(subject)
            except (smtplib.SMTPException, OSError):
                continue  # not acknowledged: a client tries again later
            self.acknowledged.append(subject)

    def knock(self):
        """Clients that come while a process is restarted wait; none is sent away."""
        while not self.over.wait(0.01):
            self.closed |= {port for port in (25, 587, 110, 143) if not answers(port)}

    def arrived(self):
        """What was acknowledged is there, once each."""
        wait_until(lambda: set(self.acknowledged) <= set(subjects()), f'of {len(self.acknowledged)} acknowledged messages some do not arrive', 60)
        got = subjects()
        doubles = [subject for subject in self.acknowledged if got.count(subject) > 1]
        check(not doubles, f'more than once: {doubles}')
        check(not self.closed, f'ports that were closed meanwhile: {self.closed}')
        print(f'# {self.name}: {len(self.acknowledged)} messages acknowledged meanwhile, each arrived once', flush=True)
