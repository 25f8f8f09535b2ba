"""timing.py - what tests of memory and of waiting share: IMAP connections without comfort, what the kernel says of a process, and how
long the machine itself makes anybody wait, so that a busy machine is not taken for a slow server."""
import os
import socket
import ssl
import time
from pathlib import Path


class Line:
    """An IMAP connection: command lines out, lines in."""

    def __init__(self, sandbox, user, password, tls=False):
        port = sandbox.port('imaps' if tls else 'imap')
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context(cafile=sandbox.env['CA_FILE'])
            self.socket = context.wrap_socket(self.socket, server_hostname='localhost')
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.command(f'LOGIN {user} {password}')

    def send(self, text, literal=None):
        octets = f'a {text}'.encode()
        if literal is not None:
            octets += b' {%d+}\r\n' % len(literal) + literal
        self.socket.sendall(octets + b'\r\n')

    def command(self, text, literal=None):
        self.send(text, literal)
        while True:
            line = self.file.readline()
            if line.startswith(b'a '):
                if not line.startswith(b'a OK'):
                    raise AssertionError(f'{text}: {line!r}')
                return line
            if not line:
                raise AssertionError(f'{text}: the connection was closed')

    def idle(self):
        self.send('IDLE')
        self.wait_for(b'+ ')

    def wait_for(self, start):
        while True:
            line = self.file.readline()
            if not line:
                raise AssertionError('the connection was closed')
            if line.startswith(start):
                return line

    def close(self):
        self.file.close()
        self.socket.close()


class Echo:
    """Another process that sends back what it gets: what a turn between two processes costs here and now."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            while theirs.send(theirs.recv(1) or b'x'):
                pass
            os._exit(0)
        theirs.close()
        self.socket = ours

    def turn(self):
        start = time.monotonic()
        self.socket.send(b'.')
        self.socket.recv(1)
        return time.monotonic() - start

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.socket.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def processes(sandbox):
    """name -> pid: "imapd", "queued spool", ..."""
    found = {}
    for pid in map(int, sandbox.env['PIDS'].split()):
        words = Path(f'/proc/{pid}/cmdline').read_bytes().decode().split('\0')
        name = os.path.basename(words[0])
        found[f'{name} {words[words.index("--role") + 1]}' if '--role' in words else name] = pid
    return found


def pid_of(sandbox, name):
    """The process of the sandbox with this program's name."""
    return processes(sandbox)[name]


def memory(pid):
    """KiB of a process by the kernel's names: Rss, Pss, Pss_Anon, ..."""
    rows = (line.split() for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:])
    return {row[0].rstrip(':'): int(row[1]) for row in rows}


def wake_ups(pid):
    """How often threads of a process began to run so far."""
    total = 0
    for task in Path(f'/proc/{pid}/task').iterdir():
        total += int((task / 'schedstat').read_text().split()[2])
    return total
