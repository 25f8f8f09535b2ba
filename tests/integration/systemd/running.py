"""running.py - what is asked of units that run: restart, kill, reload, stop, listeners, certificates, logs, tools."""
import glob
import json
import os
import poplib
import re
import smtplib
import socket
import ssl
import subprocess
import threading
import time

from machine import PASSWORD, TLS, UNITS, Traffic, answers, arrives, check, imap, pid, prop, send, services, sh, subjects, wait_until

PROGRAMS = {'smtpd', 'imapd', 'pop3d', 'queued/spool', 'queued/auth', 'queued/out', 'queued/health'}


def pop3():
    client = poplib.POP3('127.0.0.1', 110, timeout=30)
    client.stls(TLS)
    client.user('bob@example.test')
    client.pass_(PASSWORD)
    return client


def mail_flows(began):
    send('first')
    arrives('first')
    client = pop3()
    check(any(b'Subject: first' in line for line in client.retr(1)[1]), 'POP3 has another message')
    client.quit()
    took = time.monotonic() - began
    print(f'# first hour: {took:.1f} s and 3 commands (apt install, ostler setup, ostler user add) to the first message', flush=True)
    check(took < 300, f'{took} s')


def large_messages():
    """Above 256 KiB the queue's file becomes the mailbox's: another user must be able to read it."""
    send('large', filler='x' * 70 + '\r\n', times=6000)
    arrives('large')
    client = imap()
    text = b'Subject: appended\r\n\r\n' + (b'y' * 70 + b'\r\n') * 6000
    check(client.append('INBOX', None, None, text)[0] == 'OK', 'APPEND fails')
    client.logout()
    client = pop3()
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


def waits_while_down():
    """Any user's sendmail while nothing runs: the message waits, nobody else reads or removes it, and it arrives with the start."""
    folder = '/var/lib/ostler/spool/pickup'
    sh('systemctl stop ostler.target')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'inactive', f'{unit} does not end', 15)
    try:
        for user in ('root', 'www-data', 'nobody'):
            sh(f'printf "Subject: waits, of {user}\\n\\nText.\\n" | setpriv --reuid={user} --regid=nogroup --clear-groups sh -c "umask 027; sendmail bob@example.test"')
        files = glob.glob(folder + '/*')
        check(len(files) == 3, f'waiting: {files}')
        for line in (f'ls {folder}', *(f'{verb} {file}' for verb in ('cat', 'rm -f', 'chmod 666') for file in files)):
            said = sh(f'setpriv --reuid=games --regid=games --clear-groups sh -c "{line}" 2>&1; echo $?', None)
            check('denied' in said or 'not permitted' in said, f'{line}, by another user: {said}')
    finally:
        sh('systemctl start ostler.target')
    for user in ('root', 'www-data', 'nobody'):
        arrives(f'waits, of {user}')


def system_resolver():
    """A machine whose resolver knows the names of its own network."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.53', 53))
    name = b'\x04host\x04home\x04arpa\x00'

    def answer():
        while True:
            try:
                question, client = server.recvfrom(4096)
            except OSError:
                return
            end = question.index(b'\0', 12) + 5  # of the question: name, type and class
            fields = question[:2] + b'\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00'
            server.sendto(fields + question[12:end] + b'\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x3c\x00' + bytes([len(name)]) + name, client)
    threading.Thread(target=answer, daemon=True).start()
    sh('cp /etc/resolv.conf /root/resolv.conf; echo nameserver 127.0.0.53 >/etc/resolv.conf')
    try:
        for asked in ('3.2.1.10.in-addr.arpa', '3.1.168.192.in-addr.arpa', '7.100.51.198.in-addr.arpa', '9.home.arpa', '9.test'):
            said = sh(f'ostler dns lookup {asked} PTR', None)
            check('host.home.arpa' in said, f'{asked}: {said}')
    finally:
        sh('cat /root/resolv.conf >/etc/resolv.conf')
        server.close()


def target_restarts():
    """All of it at once, as the administrator does: systemd keeps the sockets, so none can be in the way of the next."""
    with Traffic('during restarts of the target') as traffic:
        for number in range(12):
            before = {unit: pid(unit) for unit in UNITS}
            sh('systemctl restart ostler.target')
            for unit in UNITS:
                wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'active', f'restart {number}: {unit} does not come back')
                check(pid(unit) != before[unit], f'restart {number}: {unit} goes on')
            failed = sh('systemctl list-units --failed --plain --no-legend "ostler*"').strip()
            check(not failed, f'restart {number}: {failed}')
        sh('ostler status --ready')
    traffic.arrived()


def restarts():
    with Traffic('during restarts') as traffic:
        for unit in UNITS:
            before = pid(unit)
            sh(f'systemctl restart ostler-{unit}.service')
            check(pid(unit) != before, f'{unit} was not restarted')
            send(f'after restart of {unit}')
            arrives(f'after restart of {unit}')
    traffic.arrived()


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
    with Traffic('during kills') as traffic:
        for unit in UNITS:
            before = pid(unit)
            os.kill(before, 9)
            wait_until(lambda unit=unit, before=before: pid(unit) not in (0, before) and prop(unit, 'ActiveState') == 'active', f'{unit} does not come back')
            send(f'after kill of {unit}')
            arrives(f'after kill of {unit}')
    traffic.arrived()


def once_each():
    got = subjects()
    doubles = [subject for subject in set(got) if got.count(subject) > 1]
    check(not doubles, f'more than once: {doubles}')


def reloads():
    with Traffic('during reloads') as traffic:
        for unit in UNITS:
            before = pid(unit)
            sh(f'systemctl reload ostler-{unit}.service')
            check(pid(unit) == before, f'{unit} was restarted')
    traffic.arrived()


def certificate_reload():
    client = ssl.get_server_certificate(('127.0.0.1', 993))
    sh('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.example.test '
       '-keyout /etc/ostler/tls/new.key -out /etc/ostler/tls/new.pem 2>/dev/null; cat /etc/ostler/tls/new.key >/etc/ostler/tls/mail.example.test.key; '
       'cat /etc/ostler/tls/new.pem >/etc/ostler/tls/mail.example.test.pem; systemctl reload ostler-imapd.service')
    wait_until(lambda: ssl.get_server_certificate(('127.0.0.1', 993)) != client, 'the new certificate is not used')


def listener_of_units():
    """A listener more: systemd must hold it, as the README says. A reload without that keeps what was."""
    listeners = ', '.join(f'{{address: "{address}", kind: {kind}{tls}}}' for port, kind, tls in
                          ((25, 'mx', ''), (26, 'mx', ''), (587, 'submission', ''), (465, 'submission', ', tls: implicit')) for address in (f'0.0.0.0:{port}', f'[::]:{port}'))
    with open('/etc/ostler/conf.d/more.yaml', 'w') as conf:
        conf.write(f'smtp: {{listeners: [{listeners}]}}\n')
    folder = '/etc/systemd/system/ostler-smtpd.socket.d'
    again = 'systemctl daemon-reload && systemctl stop ostler-smtpd.socket ostler-smtpd.service && systemctl start ostler-smtpd.socket ostler-smtpd.service'
    try:
        sh('systemctl reload ostler-smtpd.service')
        wait_until(lambda: 'reload-refused' in sh('journalctl -t smtpd -n 20'), 'the reload is not refused')
        check(answers(25) and not answers(26), 'port 25 was given up, or port 26 is there')
        os.makedirs(folder, exist_ok=True)
        with open(folder + '/more.conf', 'w') as conf:
            conf.write('[Socket]\nListenStream=0.0.0.0:26\nListenStream=[::]:26\n')
        sh(again)
        client = smtplib.SMTP('127.0.0.1', 26, timeout=30)
        client.sendmail('', ['bob@example.test'], 'Subject: by port 26\r\n\r\nText.\r\n')
        client.quit()
        arrives('by port 26')
    finally:
        sh(f'rm -rf /etc/ostler/conf.d/more.yaml {folder}; {again}')


def listener_of_supervisor():
    """`ostler run`, started by root, without systemd: its processes are nobody special, and a reload opens a port below 1024."""
    os.makedirs('/srv/one/conf.d', exist_ok=True)
    os.makedirs('/run/one', exist_ok=True)
    def configure(*ports):
        with open('/srv/one/ostler.yaml', 'w') as conf:
            listeners = ', '.join(f'{{address: "127.0.0.1:{port}", kind: mx}}' for port in ports)
            conf.write(f'host_name: one.example.test\ndata_dir: /srv/one/data\nrun_dir: /run/one\nuser: ostler-out\nlog: {{target: stderr}}\nsmtp: {{listeners: [{listeners}]}}\n')
    configure(901)
    with open('/test/one.log', 'w') as log:
        suite = subprocess.Popen(['ostler', 'run', '-c', '/srv/one/ostler.yaml'], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(901), 'port 901')
        configure(901, 902)
        os.kill(suite.pid, 1)
        wait_until(lambda: answers(902), 'port 902, after a reload')
        wait_until(lambda: subprocess.run(['ostler', 'status', '--ready', '-c', '/srv/one/ostler.yaml'], check=False).returncode == 0, 'every process answers')
        children = sh(f'ps --no-headers -o user:32,args --ppid {suite.pid}').splitlines()
        check(children and all(row.startswith('ostler-out ') for row in children), f'children: {children}')
        sh(f'ostler domain add one.example.test -c /srv/one/ostler.yaml; echo "{PASSWORD}" | ostler user add eve@one.example.test --password-file - -c /srv/one/ostler.yaml')
        client = smtplib.SMTP('127.0.0.1', 902, timeout=30)
        client.sendmail('', ['eve@one.example.test'], 'Subject: to a suite of root\r\n\r\nText.\r\n')
        client.quit()
        wait_until(lambda: re.search(r'^INBOX +1 messages', sh('ostler mailbox list eve@one.example.test -c /srv/one/ostler.yaml'), re.M), 'delivery')
    except AssertionError as fault:
        raise AssertionError(f'{fault}: {open("/test/one.log").read()[-600:]}') from None
    finally:
        suite.terminate()
        suite.wait(20)


def remote_syslog():
    """Most processes have no network: out sends their lines, by a socket that systemd holds."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(('127.0.0.1', 5514))
    heard.settimeout(20)
    with open('/etc/ostler/conf.d/log.yaml', 'w') as conf:
        conf.write('log: {target: syslog, syslog_server: "127.0.0.1:5514"}\n')
    try:
        services('restart')
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
        services('restart')


def local_syslog():
    """The machine's own syslog, and the same in the place of a server that is not there. Here journald holds /dev/log."""
    def programs(since):
        rows = sh(f'journalctl -o json --since=@{since:.3f} _TRANSPORT=syslog').splitlines()
        return {json.loads(row).get('SYSLOG_IDENTIFIER') for row in rows}
    wanted = {'smtpd', 'imapd', 'queued/spool', 'queued/auth', 'queued/out'}
    try:
        for number, settings in enumerate(('', ', syslog_server: "127.0.0.1:1", syslog_protocol: tcp')):
            with open('/etc/ostler/conf.d/log.yaml', 'w') as conf:
                conf.write('log: {target: syslog%s}\n' % settings)
            since = time.time()
            services('restart')
            send(f'told to syslog {number}')
            arrives(f'told to syslog {number}')
            wait_until(lambda since=since: wanted <= programs(since), f'lines of every process{settings}')
    except AssertionError as fault:
        raise AssertionError(f'{fault}: {programs(since)}') from None
    finally:
        os.unlink('/etc/ostler/conf.d/log.yaml')
        services('restart')


def log_file():
    """A file that processes with users of their own write together, and logrotate rotates."""
    name = '/var/log/ostler/ostler.log'
    def programs(name):
        return {line.split(' ')[2] for line in open(name).read().splitlines()} if os.path.exists(name) else set()
    with open('/etc/ostler/conf.d/log.yaml', 'w') as conf:
        conf.write(f'log: {{target: file, file: {name}}}\n')
    try:
        services('restart')
        send('told to a file')
        arrives('told to a file')
        wait_until(lambda: programs(name) >= PROGRAMS, 'lines of every process', 10)
        check(' delivered ' in sh('ostler log bob@example.test'), 'ostler log finds nothing')
        said = sh('logrotate -v --force /etc/logrotate.d/ostler 2>&1')
        check('error' not in said and os.path.exists(name + '.1'), said)
        services('reload')
        wait_until(lambda: programs(name) >= PROGRAMS, 'lines of every process after rotation', 10)
    except AssertionError as fault:
        raise AssertionError(f'{fault}: {sh("ls -l /var/log/ostler")} {programs(name)}') from None
    finally:
        os.unlink('/etc/ostler/conf.d/log.yaml')
        services('restart')


def imail_profile():
    """The profile as it is shipped: a file a day, which every process writes."""
    sh('ln -s $(find /usr/share/doc/ostler/examples -name imail.yaml) /etc/ostler/conf.d/imail.yaml')
    name = '/var/log/ostler/' + time.strftime('sys%m%d.txt')
    try:
        services('restart')
        send('told to the file of today')
        arrives('told to the file of today')
        wait_until(lambda: os.path.exists(name) and {line.split(' ')[2] for line in open(name).read().splitlines()} >= PROGRAMS, f'lines of every process in {name}', 10)
        check(' delivered ' in sh('ostler log bob@example.test'), 'ostler log finds nothing')
    finally:
        os.unlink('/etc/ostler/conf.d/imail.yaml')
        services('restart')


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


def backup():
    """By root, of the running units; restored with the owners that each process needs."""
    sh('rm -rf /srv/saved; ostler backup /srv/saved')
    send('after the backup')
    arrives('after the backup')
    sh('systemctl stop ostler.target')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'inactive', f'{unit} does not end', 15)
    sh('mv /var/lib/ostler /var/lib/ostler.away && ostler restore /srv/saved')
    try:
        sh('systemctl start ostler.target')
        wait_until(lambda: all(prop(unit, 'ActiveState') == 'active' for unit in UNITS), 'the suite does not start')
        got = subjects()
        check('first' in got and 'after the backup' not in got, f'{got[-3:]}')
        send('after the restore')
        arrives('after the restore')
    finally:
        sh('systemctl stop ostler.target; while systemctl is-active ostler-spool.service ostler-auth.service; do sleep 0.1; done; '
           'rm -rf /var/lib/ostler && mv /var/lib/ostler.away /var/lib/ostler && systemctl start ostler.target')
        wait_until(lambda: all(prop(unit, 'ActiveState') == 'active' for unit in UNITS), 'the suite does not start')


def stop():
    sh('systemctl stop ostler.target')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') in ('inactive', 'failed'), f'{unit} does not end', 15)
        check(prop(unit, 'ActiveState') == 'inactive', f'{unit}: {prop(unit, "Result")}')
    check(not answers(25), 'port 25 still answers')
    check(not glob.glob('/run/ostler/*.sock') or not answers(143), 'something is left')
    sh('systemctl start ostler.target')
    send('after stop')
    arrives('after stop')
