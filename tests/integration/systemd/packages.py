"""packages.py - the packages as an administrator meets them: installed, upgraded, removed, purged; who else may be there."""
import glob
import json
import os
import re
import urllib.error
import urllib.request

from machine import PASSWORD, UNITS, Traffic, answers, arrives, at_terminal, check, pid, prop, send, sh, subjects, wait_until

QUESTION = 'Delete all mail'


def install():
    # With a terminal at hand, so that a question would be asked, and waited for.
    status, said = at_terminal('apt-get install -y /test/ostler_*.deb /test/ostler-mta_*.deb')
    check(status == 0, f'{status}: {said[-800:]}')
    check('Configuring ostler' not in said and '[yes/no]' not in said, f'it asks: {said[-800:]}')
    names = [name[len('/lib/systemd/system/ostler-'):-len('.service')] for name in sorted(glob.glob('/lib/systemd/system/ostler-*.service'))]
    UNITS.extend(name for name in names if name != 'programs')  # which its socket starts, when mail comes for a program
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


def before_setup():
    """ostler-mta has the names of other mail systems from the first moment: what programs send waits, what their packages call succeeds."""
    sh('newaliases; printf "Subject: before setup\\n\\nText.\\n" | setpriv --reuid=nobody --regid=nogroup --clear-groups sendmail alice@example.test')


def file_of_alias():
    """The spool's unit closes the whole system but its own folders: check says what to open, and then it works."""
    folder = '/etc/systemd/system/ostler-spool.service.d'
    sh('echo "directory: {alias_files: true}" >/etc/ostler/conf.d/files.yaml; mkdir -p /srv/kept; chown ostler-spool /srv/kept; '
       'ostler alias add kept@example.test /srv/kept/mail; ostler alias add here@example.test /var/lib/ostler/spool/here')
    try:
        said = sh('ostler check 2>&1', 2)
        check('ReadWritePaths=/srv/kept,' in said and said.count('ReadWritePaths=') == 1, said)
        os.makedirs(folder, exist_ok=True)
        with open(folder + '/kept.conf', 'w') as conf:
            conf.write('[Service]\nReadWritePaths=/srv/kept\n')
        sh('systemctl daemon-reload && systemctl restart ostler-auth.service ostler-spool.service')
        check('ReadWritePaths' not in sh('ostler check 2>&1', None), 'it goes on')
        sh('printf "Subject: kept\\n\\nText.\\n" | sendmail kept@example.test')
        wait_until(lambda: os.path.exists('/srv/kept/mail') and 'Subject: kept' in open('/srv/kept/mail').read(), 'the file')
    finally:
        sh(f'rm -rf {folder}/kept.conf /etc/ostler/conf.d/files.yaml; ostler alias del kept@example.test; ostler alias del here@example.test; '
           'systemctl daemon-reload && systemctl restart ostler-auth.service ostler-spool.service', None)


def page(path):
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:8025/{path}', timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def pages():
    """What monitors ask: all processes are seen, and nothing is said to be down that is well."""
    wait_until(lambda: page('readyz') == 'ready\n', page('readyz') + sh('ls -l /run/ostler'))
    metrics = page('metrics')
    seen = set(re.findall(r'ostler_events_total\{process="([^"]*)"', metrics))
    check({'smtpd', 'imapd', 'pop3d', 'queued-spool', 'queued-out', 'queued-auth', 'queued-health'} <= seen, f'{seen}')
    check('} 0' not in '\n'.join(row for row in metrics.splitlines() if row.startswith('ostler_listener_up')), metrics[:3000])


def own_names():
    """What the machine's own programs send: to the host's names, to accounts that are no users."""
    for number, to in enumerate(('root@mail.example.test', 'root@localhost', 'www-data', 'root,alice@example.test')):
        sh(f'printf "Subject: of the machine {number}\n\nText.\n" | sendmail -FCronDaemon -i -oem {to}')
        arrives(f'of the machine {number}', 'alice@example.test')


def closed_key():
    """As certbot or scp leaves it."""
    key = '/etc/ostler/tls/mail.example.test.key'
    sh(f'chmod 600 {key}; chown root:root {key}')
    try:
        for line in ('ostler check', 'ostler doctor --no-dns --no-send'):
            said = sh(f'{line} 2>&1', 1)
            check(f'may not read {key}' in said and 'chgrp ostler-tls' in said, f'{line}: {said}')
    finally:
        sh(f'chgrp ostler-tls {key}; chmod 640 {key}')


def other_server_first():
    """Somebody else has port 25 when setup comes: it says who."""
    sh('systemctl stop ostler.target ostler-smtpd.socket ostler-smtpd.service; mkdir /srv/kept; mv /etc/ostler/ostler.yaml /srv/kept')
    with open('/srv/other.py', 'w') as program:
        program.write('import socket\nserver = socket.create_server(("127.0.0.1", 25))\nwhile True:\n    one = server.accept()[0]\n    one.sendall(b"220 other\\r\\n")\n    one.close()\n')
    sh('systemd-run --unit=other-server python3 /srv/other.py')
    try:
        wait_until(lambda: answers(25), 'the other server')
        said = sh('ostler setup example.test --user alice 2>&1', 69)
        check('is held by python3' in said and 'other-server.service' in said, said)
    finally:
        sh('systemctl stop other-server; mv /srv/kept/ostler.yaml /etc/ostler/; systemctl reset-failed; systemctl restart ostler.target')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'active', f'{unit} is not active')


def amid_an_edit():
    """An error in the configuration keeps nobody from sending."""
    with open('/etc/ostler/conf.d/broken.yaml', 'w') as conf:
        conf.write('x: [\n')
    try:
        sh('printf "Subject: amid an edit\n\nText.\n" | sendmail alice@example.test')
    finally:
        os.unlink('/etc/ostler/conf.d/broken.yaml')
    arrives('amid an edit', 'alice@example.test')


def port_comes_free():
    """A socket that could not be made at a restart of all is made when its port is free: nobody has to look."""
    sh('systemctl stop ostler.target')
    wait_until(lambda: not answers(25), 'the suite ends')
    sh('systemd-run --unit=other-server python3 /srv/other.py')
    wait_until(lambda: answers(25), 'the other server')
    sh('systemctl start ostler.target; sleep 4; systemctl stop other-server')
    for unit in UNITS:
        wait_until(lambda unit=unit: prop(unit, 'ActiveState') == 'active' and prop(unit, 'SubState') == 'running', f'{unit} is not active')
    wait_until(lambda: page('readyz') == 'ready\n', 'ready')


def given_certificate():
    """Where only root may look, as certbot keeps it: the processes use a copy."""
    os.makedirs('/srv/live/mail.given.test', mode=0o700)
    os.chmod('/srv/live', 0o700)
    sh('cd /srv/live/mail.given.test && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=mail.given.test '
       '-addext subjectAltName=DNS:mail.given.test -keyout privkey.pem -out fullchain.pem')
    os.makedirs('/srv/given/conf.d')
    with open('/srv/given/conf.d/place.yaml', 'w') as conf:
        conf.write('data_dir: /srv/given/data\nrun_dir: /srv/given/run\n')
    said = sh(f'echo "{PASSWORD}" | ostler setup given.test --no-start --password-file - -c /srv/given/ostler.yaml '
              '--certificate /srv/live/mail.given.test/fullchain.pem --key /srv/live/mail.given.test/privkey.pem')
    for program in ('smtpd', 'imapd', 'pop3d'):
        groups = sh(f'systemctl show -P SupplementaryGroups ostler-{program}').strip().replace(' ', ',')
        for name in sh("sed -n 's/.*certificate: \\([^,]*\\), key: \\([^}]*\\)}.*/\\1 \\2/p' /srv/given/ostler.yaml").split():
            sh(f'cd /srv/given && setpriv --reuid ostler-{program} --regid $(id -g ostler-{program}) --groups {groups} cat {name}')
    check('copied the certificate to /srv/given/tls/mail.given.test.pem' in said, said)
    check(os.stat('/srv/given/tls/mail.given.test.key').st_mode & 0o777 == 0o640, 'the key is open')


def compat_names():
    about = sh("dpkg-query -W -f '${Provides}|${Conflicts}|${Replaces}' ostler-mta")
    check(about == '|'.join(['mail-transport-agent'] * 3), about)
    for line in ('mailq', 'postqueue -p', 'postsuper -r ALL', '/usr/lib/sendmail -bp'):
        sh(line)
    with open('/etc/aliases', 'w') as aliases, open('/etc/ostler/conf.d/aliases.yaml', 'w') as conf:
        aliases.write('webmaster: bob\n')
        conf.write('directory: {aliases_file: /etc/aliases}\n')
    sh('newaliases')
    sh('printf "Subject: by an alias\\n\\nText.\\n" | sendmail webmaster@example.test')
    arrives('by an alias')


def program_of_alias():
    check(sh('systemctl is-active ostler-programs.service', None).strip() == 'inactive', 'it runs before there is mail for a program')
    os.makedirs('/srv/robot')
    os.chmod('/srv/robot', 0o777)
    with open('/etc/aliases', 'a') as aliases, open('/etc/ostler/conf.d/aliases.yaml', 'w') as conf:
        aliases.write('robot: "|cat > /srv/robot/mail; id -un > /srv/robot/user"\n')
        conf.write('directory: {aliases_file: /etc/aliases, alias_pipes: true}\n')
    sh('newaliases && systemctl restart ostler-auth ostler-spool')
    sh('printf "Subject: to a program\n\nText.\n" | sendmail robot@example.test')
    wait_until(lambda: os.path.exists('/srv/robot/user') and open('/srv/robot/user').read() == 'nobody\n', 'the program has not run')
    check('Subject: to a program' in open('/srv/robot/mail').read(), 'another text')
    number = pid('programs')
    status = dict(row.split(':', 1) for row in open(f'/proc/{number}/status').read().splitlines() if ':' in row)
    check(status['NoNewPrivs'].strip() == '1' and status['Seccomp'].strip() == '2', f'programs: {status}')
    for line in ('ls /var/lib/ostler/accounts', 'cat /var/lib/ostler/spool/queue/*', 'cat /etc/ostler/tls/mail.example.test.key'):
        tried = sh(f"nsenter -t {number} -m -- setpriv --reuid nobody --regid nogroup --clear-groups -- sh -c '{line}'; echo $?", None)
        check(tried.strip().splitlines()[-1] != '0', f'a program may {line}')


def another_mta():
    """A package that is a mail-transport-agent as well cannot be there beside ostler-mta; beside ostler alone it can."""
    sh('mkdir -p /test/other/DEBIAN && printf "Package: other-mta\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@example.test>\\n'
       'Provides: mail-transport-agent\\nConflicts: mail-transport-agent\\nReplaces: mail-transport-agent\\nDescription: another\\n" '
       '>/test/other/DEBIAN/control && dpkg-deb --build /test/other /test/other.deb')
    check('conflict' in sh('LC_ALL=C dpkg -i /test/other.deb 2>&1', 1), 'two mail-transport-agents at once')
    sh('dpkg --remove ostler-mta && dpkg -i /test/other.deb')
    check('conflict' in sh('LC_ALL=C dpkg -i /test/ostler-mta_*.deb 2>&1', 1), 'two mail-transport-agents at once')
    sh('dpkg --purge other-mta && dpkg -i /test/ostler-mta_*.deb')
    sh('mailq')


def upgrade():
    send('before upgrade')
    arrives('before upgrade')
    config = open('/etc/ostler/ostler.yaml').read()
    def waiting():
        return sh('ostler queue list --json --recipient somebody@elsewhere.example')
    send('waits over the upgrade', to='somebody@elsewhere.example')
    wait_until(lambda: 'elsewhere.example' in waiting(), 'a message for elsewhere does not wait')
    identity = json.loads(waiting().splitlines()[0])['id']
    # As if the version before had not had this socket: a unit that runs is given none.
    # Masked first, and until it was looked at: out, which cannot work without, is started again at any moment, and that its sockets.
    sh('systemctl mask --runtime ostler-out-tokens.socket && systemctl stop ostler-out.service ostler-out-tokens.socket; systemctl start ostler-out.service', None)
    check(sh('systemctl is-active ostler-out-tokens.socket', None).strip() != 'active', 'the socket cannot be taken away')
    sh('systemctl unmask --runtime ostler-out-tokens.socket')
    wait_until(lambda: prop('out', 'ActiveState') in ('active', 'activating', 'failed'), 'out')
    before = {unit: pid(unit) for unit in UNITS}
    with Traffic('during the upgrade') as traffic:
        status, said = at_terminal('dpkg -i /test/later/ostler_*.deb')
        check(status == 0 and '[yes/no]' not in said, f'{status}: {said[-600:]}')
        check(sh("dpkg-query -W -f '${Version}' ostler").endswith('+later'), 'not upgraded')
        check(open('/etc/ostler/ostler.yaml').read() == config, 'the configuration changed')
        for unit in UNITS:
            wait_until(lambda unit=unit: pid(unit) not in (0, before[unit]) and prop(unit, 'ActiveState') == 'active', f'{unit} was not restarted')
    traffic.arrived()
    for socket in sh('ls /lib/systemd/system/ostler-*.socket').split():
        name = os.path.basename(socket)
        check(sh(f'systemctl is-active {name}', None).strip() == 'active', f'{name} is not active after the upgrade')
    check('before upgrade' in subjects(), 'mail is gone')
    check(json.loads(waiting().splitlines()[0])['id'] == identity, f'the message that waited is gone: {waiting()}')
    check('Subject: waits over the upgrade' in sh(f'ostler queue export {identity}'), 'its content is gone')
    send('after upgrade')
    arrives('after upgrade')


def purge():
    sh('DEBIAN_FRONTEND=noninteractive dpkg --remove ostler-mta ostler')
    check(os.path.exists('/etc/ostler/ostler.yaml') and os.listdir('/var/lib/ostler/accounts'), 'removal took the configuration or mail')
    sh('DEBIAN_FRONTEND=noninteractive dpkg --purge ostler')
    check(os.listdir('/var/lib/ostler/accounts') and not os.path.exists('/etc/ostler'), 'purge took mail without a word, or left the configuration')
    for answer, is_left in (('no', True), ('yes', False)):
        sh('DEBIAN_FRONTEND=noninteractive dpkg -i /test/ostler_*.deb')
        status, said = at_terminal('dpkg --purge ostler', [('[yes/no]', answer)])
        check(status == 0 and QUESTION in said, f'{status}: {said[-800:]}')
        check(os.path.exists('/var/lib/ostler') == is_left, f'after "{answer}": {os.path.exists("/var/lib/ostler")}')
