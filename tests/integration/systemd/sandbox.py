"""sandbox.py - that what the units deny is denied: tried as each process, in its namespaces, and in its whole unit."""
import json
import os
import shutil
import subprocess

from machine import UNITS, check, pid, services, sh, wait_until

NETWORK = {'a socket of IPv4', 'a socket of IPv6'}  # of out, whose work it is, and of health, which asks our listeners


def own_users():
    seen = set()
    for unit in UNITS:
        uid = os.stat(f'/proc/{pid(unit)}').st_uid
        check(uid != 0, f'{unit} is root')
        seen.add(uid)
    check(len(seen) == len(UNITS), 'processes share a user')


def denied_files():
    """Files and sockets, from inside each running process's namespaces, as its own user and groups."""
    def attempt(unit, line):
        number = pid(unit)
        status = dict(row.split(':', 1) for row in open(f'/proc/{number}/status').read().splitlines() if ':' in row)
        check(status['NoNewPrivs'].strip() == '1' and int(status['CapBnd'], 16) == 0 and status['Seccomp'].strip() == '2', f'{unit}: {status}')
        uid, gid = status['Uid'].split()[0], status['Gid'].split()[0]
        groups = ','.join(status['Groups'].split())
        keep = f'--groups {groups}' if groups else '--clear-groups'
        return subprocess.run(f"nsenter -t {number} -m -n -- setpriv --reuid {uid} --regid {gid} {keep} -- sh -c '{line}'", shell=True,
                              capture_output=True, text=True, timeout=30).returncode
    connect = 'python3 -c "import socket; socket.socket(socket.AF_UNIX).connect(\\"/run/ostler/%s.sock\\")"'
    reach = 'python3 -c "import socket; socket.create_connection((\\"127.0.0.1\\", 25), 3)"'
    check(attempt('smtpd', connect % 'smtpd') == 0, 'smtpd cannot reach the spool: the attempts prove nothing')
    check(attempt('out', reach) == 0, 'out cannot reach the network: the attempts prove nothing')
    wrong = []
    for unit in UNITS:
        lines = ['cat /var/lib/ostler/spool/queue/*' if unit != 'spool' else 'cat /etc/shadow']
        if unit != 'auth':
            lines.append('ls /var/lib/ostler/directory')
        if unit not in ('auth', 'spool'):
            lines.append('ls /var/lib/ostler/accounts')
        if unit not in ('auth', 'spool', 'health'):
            lines.append(connect % 'control')
        if unit != 'spool':
            lines.append(connect % 'out')
        if unit != 'auth':
            lines.append(connect % 'tokens')
        if unit not in ('spool', 'smtpd'):
            lines.append(connect % 'smtpd')
        if unit not in ('out', 'health'):  # health asks our own listeners
            lines.append(reach)
        if unit not in ('smtpd', 'pop3d', 'imapd'):
            lines.append('cat /etc/ostler/tls/mail.example.test.key')
        wrong += [f'{unit}: {line}' for line in lines if attempt(unit, line) == 0]
    check(not wrong, '; '.join(wrong))


def denied_by_unit():
    """A probe in the place of each program, in its unit: all of the sandbox holds for it, the filter of system calls included."""
    shutil.copy('/usr/bin/id', '/test/id')
    os.chmod('/test/id', 0o4755)
    os.makedirs('/home/somebody', exist_ok=True)
    for name in ('/home/somebody/file', '/tmp/probe-of-others'):
        with open(name, 'w'):
            pass
    probe = '/usr/bin/python3 /test/probe.py'
    possible = set()
    for who in ('', 'setpriv --reuid=nobody --regid=nogroup --clear-groups '):
        possible |= {name for name, done in json.loads(sh(who + probe)).items() if done}
    wrong, here = [], set()
    for unit in UNITS:
        folder = f'/run/systemd/system/ostler-{unit}.service.d'
        os.makedirs(folder)
        with open(folder + '/99-probe.conf', 'w') as conf:
            conf.write(f'[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={probe}\nStandardOutput=truncate:/test/probe-{unit}\n')
        try:
            sh(f'systemctl daemon-reload; systemctl stop ostler-{unit}.service; systemctl start ostler-{unit}.service')
            with open(f'/test/probe-{unit}') as file:
                said = json.loads(file.read())
        finally:
            shutil.rmtree(folder)
            sh(f'systemctl daemon-reload; systemctl start ostler-{unit}.service')
        allowed = NETWORK if unit in ('out', 'health') else set()
        check(all(said[name] for name in allowed), f'{unit} has no network: the attempts prove nothing')
        wrong += [f'{unit}: {name}' for name, done in said.items() if done and name not in allowed]
        here |= {name for name, done in said.items() if not done}
    check(not wrong, '; '.join(wrong))
    print(f'# denied in every unit, possible outside of it: {len(here & possible)}; not even root of this machine can: {", ".join(sorted(here - possible)) or "nothing"}', flush=True)
    check(len(here & possible) >= 25, f'too little can be tried here: {sorted(here & possible)}')


def watchdog():
    """A process that stands still is ended and started anew."""
    for unit in UNITS:
        folder = f'/run/systemd/system/ostler-{unit}.service.d'
        os.makedirs(folder)
        with open(folder + '/99-watchdog.conf', 'w') as conf:
            conf.write('[Service]\nWatchdogSec=1s\n')
    sh('systemctl daemon-reload')
    try:
        services('restart')
        before = {unit: pid(unit) for unit in UNITS}
        for number in before.values():
            os.kill(number, 19)
        for unit, number in before.items():
            wait_until(lambda unit=unit, number=number: pid(unit) not in (0, number), f'{unit} stands still and nobody minds', 30)
    finally:
        for unit in UNITS:
            shutil.rmtree(f'/run/systemd/system/ostler-{unit}.service.d')
        sh('systemctl daemon-reload')
        services('restart')
