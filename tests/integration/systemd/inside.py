"""inside.py - runs as root in the booted machine; prints a line for each case. See run."""
import email.utils
import glob
import imaplib
import json
import os
import poplib
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
began = time.monotonic()


def case(name, work):
    try:
        work()
    except Exception as fault:
        where = traceback.extract_tb(fault.__traceback__)[-1]
        print(f'FAIL {name}: {type(fault).__name__}: {" ".join(str(fault).split())[:700]} (inside.py:{where.lineno})', flush=True)
    else:
        print(f'ok {name}', flush=True)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def sh(line, status=0, timeout=90):
    done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    check(status is None or done.returncode == status, f'{line}: {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}')
    return done.stdout


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f'{what}: not within {seconds} s')
        time.sleep(0.05)


def prop(unit, name):
    return sh(f'systemctl show -P {name} ostler-{unit}.service').strip()


def pid(unit):
    return int(prop(unit, 'MainPID'))


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
    found = client.uid('SEARCH', 'ALL')[1][0].split()
    out = []
    for number in found:
        text = client.uid('FETCH', number.decode(), '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1][0][1].decode()
        out.append(text.split(':', 1)[1].strip())
    client.logout()
    return out


def arrives(subject, user='bob@example.test'):
    wait_until(lambda: subject in subjects(user), f'{subject} does not arrive')


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), 2).close()
    except OSError:
        return False
    return True


# ---- cases

def install():
    sh('DEBIAN_FRONTEND=noninteractive apt-get install -y /test/ostler_*.deb /test/ostler-mta_*.deb </dev/null')
    UNITS.extend(name[len('/lib/systemd/system/ostler-'):-len('.service')] for name in sorted(glob.glob('/lib/systemd/system/ostler-*.service')))
    check(len(UNITS) >= 6, f'units: {UNITS}')
    check(sh('systemctl is-active ostler.target', None).strip() == 'inactive', 'something was started')
    check(not glob.glob('/etc/ostler/ostler.yaml'), 'there is a configuration')
    sh('systemctl start ostler-smtpd.socket', None)
    check(not answers(25), 'port 25 is open before setup')


def setup():
    said = sh(f'echo "{PASSWORD}" | ostler setup example.test --user alice --password-file - 2>&1')
    for wanted in ('MX 10 mail.example.test.', 'v=spf1 mx -all', '_submissions._tcp.example.test.'):
        check(wanted in said, f'{wanted} is not in: {said}')
    sh(f'echo "{PASSWORD}" | ostler user add bob@example.test --password-file -')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'active', f'{unit} is not active')


def own_users():
    seen = set()
    for unit in UNITS:
        uid = os.stat(f'/proc/{pid(unit)}').st_uid
        check(uid != 0, f'{unit} is root')
        seen.add(uid)
    check(len(seen) == len(UNITS), 'processes share a user')


def mail_flows():
    send('first')
    arrives('first')
    client = poplib.POP3('127.0.0.1', 110, timeout=30)
    client.stls(TLS)
    client.user('bob@example.test')
    client.pass_(PASSWORD)
    check(any(b'Subject: first' in line for line in client.retr(1)[1]), 'POP3 has another message')
    client.quit()
    print(f'# first hour: {time.monotonic() - began:.1f} s and 3 commands (apt install, ostler setup, ostler user add) to the first message', flush=True)


def large_messages():
    """Above 256 KiB the queue's file becomes the mailbox's: another user must be able to read it."""
    send('large', filler='x' * 70 + '\r\n', times=6000)
    arrives('large')
    client = imap()
    text = b'Subject: appended\r\n\r\n' + (b'y' * 70 + b'\r\n') * 6000
    check(client.append('INBOX', None, None, text)[0] == 'OK', 'APPEND fails')
    client.logout()
    client = poplib.POP3('127.0.0.1', 110, timeout=30)
    client.stls(TLS)
    client.user('bob@example.test')
    client.pass_(PASSWORD)
    sizes = [sum(len(line) for line in client.retr(number + 1)[1]) for number in range(client.stat()[0])]
    check(sum(size > 400000 for size in sizes) == 2, f'POP3 sees {sizes}')
    client.quit()


def postmaster():
    client = smtplib.SMTP('127.0.0.1', 25, timeout=30)
    client.sendmail('', ['postmaster@example.test', 'root@example.test'], 'Subject: to postmaster\r\n\r\nText.\r\n')
    client.quit()
    arrives('to postmaster', 'alice@example.test')


def local_submission():
    sh('printf "Subject: by sendmail\\n\\nText.\\n" | setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/sbin/sendmail bob@example.test')
    arrives('by sendmail')
    check('queue is empty' in sh('mailq').lower() or sh('mailq').strip() != '', 'mailq says nothing')


def restarts():
    over = threading.Event()
    refused = []
    def knock():
        """Clients that come while a process is restarted wait; none is sent away."""
        while not over.is_set():
            for port in (25, 587, 110, 143):
                if not answers(port):
                    refused.append(port)
            time.sleep(0.01)
    client = threading.Thread(target=knock)
    client.start()
    try:
        for unit in UNITS:
            before = pid(unit)
            sh(f'systemctl restart ostler-{unit}.service')
            check(pid(unit) != before, f'{unit} was not restarted')
            send(f'after restart of {unit}')
            arrives(f'after restart of {unit}')
    finally:
        over.set()
        client.join()
    check(not refused, f'ports that were closed meanwhile: {set(refused)}')


def sockets_stay_open():
    sh('systemctl stop ostler-smtpd.service', None)
    # the socket unit starts it again for the first connection
    client = smtplib.SMTP('127.0.0.1', 25, timeout=30)
    client.quit()
    wait_until(lambda: prop('smtpd', 'ActiveState') == 'active', 'smtpd was not started by its socket')


def sessions_survive():
    client = imap()
    for unit in ('spool', 'out', 'smtpd'):
        sh(f'systemctl restart ostler-{unit}.service')
    check(client.noop()[0] == 'OK', 'the IMAP session ended')
    client.logout()


def kills():
    for unit in UNITS:
        before = pid(unit)
        os.kill(before, 9)
        wait_until(lambda unit=unit, before=before: pid(unit) not in (0, before) and prop(unit, 'ActiveState') == 'active', f'{unit} does not come back')
        send(f'after kill of {unit}')
        arrives(f'after kill of {unit}')


def once_each():
    got = subjects()
    doubles = [subject for subject in set(got) if got.count(subject) > 1]
    check(not doubles, f'more than once: {doubles}')


def reloads():
    for unit in UNITS:
        before = pid(unit)
        sh(f'systemctl reload ostler-{unit}.service')
        check(pid(unit) == before, f'{unit} was restarted')
    send('after reload')
    arrives('after reload')


def certificate_reload():
    client = ssl.get_server_certificate(('127.0.0.1', 993))
    sh('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.example.test '
       '-keyout /etc/ostler/tls/new.key -out /etc/ostler/tls/new.pem 2>/dev/null; cat /etc/ostler/tls/new.key >/etc/ostler/tls/mail.example.test.key; '
       'cat /etc/ostler/tls/new.pem >/etc/ostler/tls/mail.example.test.pem; systemctl reload ostler-imapd.service')
    wait_until(lambda: ssl.get_server_certificate(('127.0.0.1', 993)) != client, 'the new certificate is not used')


def denied():
    """From inside each process's own namespaces, as its own user and groups."""
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
        lines = ['echo x >/etc/ostler/x', 'echo x >/usr/x', 'ls /root', 'cat /var/lib/ostler/spool/queue/*' if unit != 'spool' else 'cat /etc/shadow',
                 'cat /etc/shadow', 'ls /home/somebody']
        if unit != 'auth':
            lines.append('ls /var/lib/ostler/directory')
        if unit not in ('auth', 'spool'):
            lines.append('ls /var/lib/ostler/accounts')
        if unit not in ('auth', 'spool', 'health'):
            lines.append(connect % 'control')
        if unit != 'spool':
            lines.append(connect % 'out')
        if unit not in ('spool', 'smtpd'):
            lines.append(connect % 'smtpd')
        if unit not in ('out', 'health'):  # health asks our own listeners
            lines.append(reach)
        if unit not in ('smtpd', 'pop3d', 'imapd'):
            lines.append('cat /etc/ostler/tls/mail.example.test.key')
        wrong += [f'{unit}: {line}' for line in lines if attempt(unit, line) == 0]
    check(not wrong, '; '.join(wrong))


def remote_syslog():
    """Most processes have no network: out sends their lines, by a socket that systemd holds."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(('127.0.0.1', 5514))
    heard.settimeout(20)
    with open('/etc/ostler/conf.d/log.yaml', 'w') as conf:
        conf.write('log: {target: syslog, syslog_server: "127.0.0.1:5514"}\n')
    try:
        sh('systemctl restart ' + ' '.join(f'ostler-{unit}.service' for unit in UNITS))
        send('told elsewhere')
        arrives('told elsewhere')
        programs = set()
        wanted = {'smtpd', 'imapd', 'queued-spool', 'queued-auth', 'queued-out'}
        while not wanted <= programs:
            programs.add(heard.recv(65536).decode().split(' ')[3])
    except TimeoutError:
        raise AssertionError(f'heard of {programs} alone') from None
    finally:
        heard.close()
        os.unlink('/etc/ostler/conf.d/log.yaml')
        sh('systemctl restart ' + ' '.join(f'ostler-{unit}.service' for unit in UNITS))


def compat_names():
    about = sh("dpkg-query -W -f '${Provides}|${Conflicts}|${Replaces}' ostler-mta")
    check(about == '|'.join(['mail-transport-agent'] * 3), about)
    for line in ('mailq', 'postqueue -p', 'newaliases', 'postsuper -r ALL', '/usr/lib/sendmail -bp'):
        sh(line)


def journal():
    send('in the journal')
    arrives('in the journal')
    row = json.loads(sh('journalctl -o json -n 1 OSTLER_EVENT=delivered'))
    check(row['SYSLOG_IDENTIFIER'] == 'queued/spool' and row['PRIORITY'] == '6' and row.get('OSTLER_TO') == 'bob@example.test', row)
    said = sh(f'ostler log {row["OSTLER_ID"]}')
    for part in ('smtpd', 'queued/spool', 'accepted', 'delivered'):
        check(part in said, f'{part} is not in {said}')


def tools():
    status = sh('ostler status')
    for wanted in ('store', 'queue', 'certificate', 'disk', 'process'):
        check(wanted in status, f'{wanted} is not in {status}')
    said = sh('ostler doctor --no-dns --ca /etc/ostler/tls/mail.example.test.pem', None)
    for wanted in ('the certificate is good for mail.example.test', 'closed to other users', 'a test message reached'):
        check(wanted in said, f'{wanted} is not in {said}')
    check('error' not in said, said)


def upgrade():
    send('before upgrade')
    arrives('before upgrade')
    config = open('/etc/ostler/ostler.yaml').read()
    before = {unit: pid(unit) for unit in UNITS}
    sh('DEBIAN_FRONTEND=noninteractive dpkg -i /test/ostler_*.deb')
    check(open('/etc/ostler/ostler.yaml').read() == config, 'the configuration changed')
    for unit in UNITS:
        wait_until(lambda unit=unit: pid(unit) not in (0, before[unit]) and prop(unit, 'ActiveState') == 'active', f'{unit} was not restarted')
    check('before upgrade' in subjects(), 'mail is gone')
    send('after upgrade')
    arrives('after upgrade')


def stop():
    sh('systemctl stop ostler.target')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') in ('inactive', 'failed'), f'{unit} does not end', 15)
        check(prop(unit, 'ActiveState') == 'inactive', f'{unit}: {prop(unit, "Result")}')
    check(not answers(25), 'port 25 still answers')
    sh('systemctl start ostler.target')
    send('after stop')
    arrives('after stop')


def purge():
    sh('DEBIAN_FRONTEND=noninteractive dpkg --remove ostler-mta ostler')
    check(os.path.exists('/etc/ostler/ostler.yaml'), 'removal took the configuration')
    sh('DEBIAN_FRONTEND=noninteractive dpkg --purge ostler')
    check(os.path.exists('/var/lib/ostler/accounts') and not os.path.exists('/etc/ostler'), 'purge took mail without a word, or left the configuration')
    sh('DEBIAN_FRONTEND=noninteractive dpkg -i /test/ostler_*.deb')
    sh('echo "ostler ostler/purge-mail boolean true" | debconf-set-selections')
    sh('DEBIAN_FRONTEND=noninteractive dpkg --purge ostler')
    check(not os.path.exists('/var/lib/ostler'), 'purge left mail although it was told to take it')


case('the package installs without a question and starts nothing', install)
case('ostler setup: configuration, certificate, user, DNS records, and it runs', setup)
case('every process has a user of its own', own_users)
case('a message is sent through submission, and fetched over IMAP and POP3', mail_flows)
case('large messages are read by every process that may', large_messages)
case('postmaster and root have an owner', postmaster)
case('sendmail of any user delivers', local_submission)
case('each process is restarted, and mail flows on', restarts)
case('a process that was stopped is started by its socket', sockets_stay_open)
case('an IMAP session goes on while spool, out and smtpd restart', sessions_survive)
case('each process is killed, and mail flows on', kills)
case('nothing arrived twice', once_each)
case('each process is reloaded', reloads)
case('a new certificate is used after a reload', certificate_reload)
case('what is denied fails, tried from inside each process', denied)
case('the names of other mail systems: who provides them, and they work', compat_names)
case('the journal has fields of ours, and ostler log follows a message through it', journal)
case('status and doctor find all well', tools)
case('a syslog server hears of processes that have no network', remote_syslog)
case('an upgrade keeps configuration and mail', upgrade)
case('stop ends all of it cleanly, start brings it back', stop)
case('removal keeps the configuration, purge asks before it takes mail', purge)
print('# done', flush=True)
