#!/usr/bin/env python3
"""powercut_test.py - what was acknowledged is there exactly once after a power cut at any instant.

The suite runs under recorder.cc while several clients submit mail and append it over IMAP. Then the recording is cut at ends of syncs and
at random points; for each cut the disk is made that a power failure could have left (recording.py), the suite is started on it,
and every message acknowledged before the cut must be found once, with its content; others once or not at all.

usage: powercut_test.py [--cuts N] [--seed N] [--build DIR]
Ends with a run in which fdatasync does nothing, and which must fail: a test of the test.
"""
import argparse
import email
import hashlib
import imaplib
import os
import random
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)
import recording  # noqa: E402

CONF = """queue:
  segment_size: 1 MiB
  large_message: 64 KiB
"""


class Suite:
    def __init__(self, root, port_base, build):
        self.root, self.build = root, build
        self.quickstart = [TOP + "/packaging/quickstart", "--root", root, "--port-base", str(port_base)]
        self.environment = dict(os.environ, OSTLER_BIN_DIR=build)
        self.process = None

    def prepare(self):
        with open(self.root + ".yaml", "w") as out:
            out.write(CONF)
        done = subprocess.run(self.quickstart + ["--background", "--conf", self.root + ".yaml"], env=self.environment, capture_output=True,
                              text=True)
        if done.returncode:
            raise RuntimeError("quickstart: " + done.stderr[-3000:])
        subprocess.run(self.quickstart + ["--stop"], env=self.environment, check=True, capture_output=True)
        with open(self.root + "/sandbox.env") as stream:
            self.box = {key: value.strip("'\"") for key, value in (line.strip().split("=", 1) for line in stream if "=" in line)}

    def start(self, **more):
        self.process = subprocess.Popen([self.build + "/ostler", "run", "-c", self.box["CONFIG"]], env=dict(self.environment, **more),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.root + ".stderr", "a"))
        ready = subprocess.run([self.build + "/ostler", "status", "--ready", "-c", self.box["CONFIG"]], capture_output=True, text=True)
        if ready.returncode:
            raise RuntimeError("the suite does not start: " + ready.stdout + ready.stderr + tail(self.root + ".stderr"))

    def kill(self):
        """All at once, as a power cut does."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        self.process.send_signal(signal.SIGKILL)
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def wait_for_empty_queue(self):
        done = subprocess.run([self.build + "/ostler", "queue", "wait", "--empty", "--timeout", "30", "-c", self.box["CONFIG"]],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("the queue does not empty: " + done.stdout + done.stderr)

    def tls(self):
        return ssl.create_default_context(cafile=self.box["CA_FILE"])

    def submission(self, user):
        client = smtplib.SMTP(self.box["HOST"], int(self.box["SUBMISSION_PORT"]), timeout=30)
        client.starttls(context=self.tls())
        client.login(self.box["USER" + user], self.box["PASS" + user])
        return client

    def imap(self, user):
        client = imaplib.IMAP4_SSL(self.box["HOST"], int(self.box["IMAPS_PORT"]), ssl_context=self.tls(), timeout=60)
        client.login(self.box["USER" + user], self.box["PASS" + user])
        return client


def tail(path):
    with open(path, errors="replace") as stream:
        return stream.read()[-3000:]


def message(token, size, rng):
    body = "\r\n".join("%064x" % rng.getrandbits(256) for _ in range(size // 66)) + "\r\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (f"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: {token}\r\nX-Token: {token}\r\nX-Digest: {digest}\r\n"
            f"\r\n{body}")


SIZES = (500, 4000, 20000, 200000)


def submit(suite, log, number, count, problems):
    rng = random.Random(number)
    try:
        client = suite.submission("1")
        for at in range(count):
            token = f"smtp-{number}-{at}"
            client.sendmail(suite.box["USER1"], [suite.box["USER2"]], message(token, rng.choice(SIZES), rng))
            recording.acknowledge(log, token)
        client.close()
    except Exception as error:
        problems.append(f"submission {number}: {error!r}")


def append(suite, log, number, count, problems):
    rng = random.Random(number)
    try:
        client = suite.imap("2")
        for at in range(count):
            token = f"imap-{number}-{at}"
            status, answer = client.append("INBOX", None, None, message(token, rng.choice(SIZES), rng).encode())
            if status != "OK":
                raise RuntimeError(answer)
            recording.acknowledge(log, token)
        client.shutdown()
    except Exception as error:
        problems.append(f"append {number}: {error!r}")


def record(suite, file, **more):
    """Runs the suite under the recorder with clients, kills it, and returns the disk before and the records."""
    before = recording.Disk(suite.root)
    log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    suite.start(LD_PRELOAD=suite.build + "/libpowercut_recorder.so", OSTLER_RECORD=file, OSTLER_RECORD_ROOT=os.path.realpath(suite.root), **more)
    problems = []
    clients = [threading.Thread(target=work, args=(suite, log, number, 25, problems))
               for number, work in enumerate([submit] * 4 + [append] * 2)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    suite.kill()
    os.close(log)
    if problems:
        raise RuntimeError("; ".join(problems))
    return before, recording.read(file)


def found(suite):
    """token -> how often it is in bob's INBOX. A message that is not whole raises."""
    counts = {}
    client = suite.imap("2")
    client.select("INBOX", readonly=True)
    _, data = client.fetch("1:*", "(BODY.PEEK[])")
    for item in data:
        if not isinstance(item, tuple):
            continue
        parsed = email.message_from_bytes(item[1])
        token = parsed["X-Token"]
        if token is None:
            continue
        digest = hashlib.sha256(item[1].partition(b"\r\n\r\n")[2]).hexdigest()
        if digest != parsed["X-Digest"]:
            raise AssertionError(f"{token} is not whole")
        counts[token] = counts.get(token, 0) + 1
    client.logout()
    return counts


def check(suite, acknowledged):
    suite.start()
    try:
        suite.wait_for_empty_queue()
        counts = found(suite)
    finally:
        suite.kill()
    lost = [token for token in acknowledged if token not in counts]
    doubled = [token for token, count in counts.items() if count > 1]
    if lost or doubled:
        raise AssertionError(f"lost: {lost}; doubled: {doubled}")
    return len(acknowledged)


def restore(suite, disk, base, rng):
    """Puts the disk after the cut where the suite looks for it, with the modes it had."""
    shutil.rmtree(suite.root)
    disk.write(suite.root, rng)
    for path, folders, files in os.walk(base):
        for name in folders + files:
            original = os.path.join(path, name)
            copy = suite.root + original[len(base):]
            if os.path.islink(original):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                if not os.path.lexists(copy):
                    os.symlink(os.readlink(original), copy)
            elif os.path.exists(copy):
                shutil.copystat(original, copy)


def cut_points(records, count, rng):
    """Half of them right after a sync, half anywhere; none before the first acknowledgement."""
    first = next(at for at, row in enumerate(records) if row[0] == 100)
    syncs = [at + 1 for at, row in enumerate(records) if row[0] == recording.SYNC_END and at > first]
    chosen = rng.sample(syncs, min(len(syncs), count // 2))
    chosen += [rng.randrange(first, len(records)) for _ in range(count - len(chosen))]
    return sorted(set(chosen))


def cuts(suite, before, records, base, count, rng):
    """Returns (cut, what was wrong) for each cut that lost or doubled something, and how many there were."""
    wrong, done, fed = [], 0, 0
    for cut in cut_points(records, count, rng):
        for row in records[fed:cut]:
            before.feed(row)
        fed = cut
        restore(suite, before, base, rng)
        done += 1
        try:
            promised = check(suite, list(before.acknowledged))
            print(f"cut {cut} of {len(records)}: {promised} acknowledged, all there once", flush=True)
        except (AssertionError, RuntimeError) as error:
            wrong.append((cut, str(error)))
            print(f"cut {cut} of {len(records)}: {error}", flush=True)
    return wrong, done


def run(options, work, count, **more):
    rng = random.Random(options.seed)
    suite = Suite(work + "/root", options.port_base, options.build)
    suite.prepare()
    base = work + "/base"
    shutil.copytree(suite.root, base, symlinks=True, ignore=lambda folder, names: [n for n in names if is_socket(folder, n)])
    try:
        before, records = record(suite, work + "/recording", **more)
        return cuts(suite, before, records, base, count, rng)
    finally:
        subprocess.run(suite.quickstart + ["--stop"], env=suite.environment, capture_output=True)


def is_socket(folder, name):
    path = os.path.join(folder, name)
    return not (os.path.islink(path) or os.path.isfile(path) or os.path.isdir(path))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port-base", type=int, default=23000)
    parser.add_argument("--build", default=TOP + "/build/release")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="ostler-powercut-")
    try:
        wrong, done = run(options, work, options.cuts)
        lame, _ = ([(0, "")], 0) if wrong else run_without_syncs(options, work)
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    if not lame:
        print("without fdatasync nothing was lost: the test proves nothing")
    print(f"{done - len(wrong) + bool(lame)} passed, {len(wrong) + (not lame)} failed")
    return 1 if wrong or not lame else 0


def run_without_syncs(options, work):
    shutil.rmtree(work + "/root", ignore_errors=True)
    shutil.rmtree(work + "/base", ignore_errors=True)
    os.unlink(work + "/recording")
    print("now with an fdatasync that does nothing: this must lose mail")
    return run(options, work, 3, OSTLER_RECORD_NO_FDATASYNC="1")


sys.exit(main())
