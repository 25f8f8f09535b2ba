"""composed.py - the shipped compose files, brought up by Debian's docker-compose against podman's API, on networks of their own with published ports.

What differs from how an administrator has it: the ports of the host are free ones of loopback, limits are lower, the image is there already, and
Roundcube's image is one made here of Debian's Roundcube, which reads the same variables (no registry is asked).
"""
import contextlib
import email.utils
import imaplib
import os
import re
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'roundcube'))
from browser import Browser  # noqa: E402
from podman import PODMAN, run, unpacked, use_networks, work  # noqa: E402
from suite import SOURCE, check, free_port, wait_until  # noqa: E402

COMPOSE = ('docker-compose', *(f'python3-{name}' for name in (
    'attr', 'cached-property', 'certifi', 'chardet', 'charset-normalizer', 'distro', 'distutils', 'docker', 'dockerpty', 'docopt', 'dotenv', 'idna', 'jsonschema', 'lib2to3',
    'packaging', 'pkg-resources', 'pyrsistent', 'requests', 'setuptools', 'six', 'texttable', 'urllib3', 'websocket', 'yaml')), 'libyaml-0-2')
HOST, USER, PASSWORD = 'mail.example.com', 'postmaster@example.com', 'correct horse battery staple'
ROUNDCUBE = SOURCE / 'build/trees/roundcube.tar'
START = r"""
mkdir -p /srv/rc && cp -r /etc/roundcube /srv/rc/cfg && sqlite3 /srv/rc/rc.sqlite </usr/share/dbconfig-common/data/roundcube/install/sqlite3
cat >/srv/rc/cfg/config.inc.php <<END
<?php
\$config = ['db_dsnw' => 'sqlite:////srv/rc/rc.sqlite?mode=0640', 'imap_host' => '$ROUNDCUBEMAIL_DEFAULT_HOST:143',
  'smtp_host' => '$ROUNDCUBEMAIL_SMTP_SERVER:$ROUNDCUBEMAIL_SMTP_PORT', 'smtp_user' => '%u', 'smtp_pass' => '%p', 'des_key' => 'twentyfour octets long!!',
  'imap_conn_options' => ['ssl' => ['cafile' => '/ca.pem', 'verify_peer' => true]], 'log_dir' => '/srv/rc/', 'temp_dir' => '/srv/rc/', 'plugins' => [], 'skin' => 'elastic',
  'smtp_conn_options' => ['ssl' => ['cafile' => '/ca.pem', 'verify_peer' => true]], 'enable_installer' => false];
END
exec env ROUNDCUBE_CONFIG_DIR=/srv/rc/cfg php -d session.save_path=/srv/rc -S 0.0.0.0:80 -t /var/lib/roundcube
"""


class Project:
    """One compose file, up."""
    def __init__(self, file):
        self.name = file.split('.')[1] if file.count('.') > 1 else 'whole'
        self.folder = work / f'compose-{self.name}'
        (self.folder / 'secrets').mkdir(parents=True)
        self.ports = {}
        text = (SOURCE / 'packaging/docker' / file).read_text()
        text = re.sub(r'^ +build: .*\n', '', text, flags=re.M)
        text = text.replace('nofile: 65536', 'nofile: 4096, nproc: 1000')  # what a machine may give that may not raise limits
        text = re.sub(r'"(?:127\.0\.0\.1:)?\d+:(\d+)"', lambda port: f'"127.0.0.1:{self.publish(int(port[1]))}:{port[1]}"', text)
        if not ROUNDCUBE.exists():
            text = re.sub(r'^  webmail:\n(?:    .*\n|\n)*', '', text, flags=re.M)
        (self.folder / 'compose.yaml').write_text(text)
        (self.folder / 'ostler.yaml').write_text((SOURCE / 'packaging/docker/ostler.yaml').read_text())
        secrets = self.folder / 'secrets'
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', f'/CN={HOST}', '-addext',
            f'subjectAltName=DNS:{HOST}', '-keyout', secrets / 'mail.key', '-out', secrets / 'mail.pem')
        os.chown(secrets / 'mail.key', 2525, 2525)
        (secrets / 'mail.key').chmod(0o400)

    def publish(self, port):
        return self.ports.setdefault(port, free_port())

    def compose(self, *words):
        root = unpacked(*COMPOSE)
        return run('/usr/bin/python3', root / 'usr/bin/docker-compose', '-p', self.name, '-f', self.folder / 'compose.yaml', *words, timeout=180, env={
            **os.environ, 'DOCKER_HOST': f'unix://{work}/api.sock', 'PYTHONPATH': f'{root}/usr/lib/python3/dist-packages'})

    def ostler(self, service, *words, stdin=None):
        return run(*PODMAN, 'exec', *(['-i'] if stdin else []), f'{self.name}_{service}_1', 'ostler', *words, stdin=stdin)

    def imap(self):
        client = imaplib.IMAP4('127.0.0.1', self.ports[143], timeout=30)
        client.starttls(ssl._create_unverified_context())
        client.login(USER, PASSWORD)
        client.select('INBOX')
        return client

    def subjects(self):
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            return str(self.imap().fetch('1:*', '(BODY.PEEK[HEADER])')[1])
        return ''

    def mail_flows(self, service):
        self.ostler(service, 'domain', 'add', 'example.com')
        self.ostler(service, 'user', 'add', USER, '--password-file', '-', stdin=PASSWORD + '\n')
        client = smtplib.SMTP('127.0.0.1', self.ports[587], timeout=30)
        client.starttls(context=ssl._create_unverified_context())
        client.login(USER, PASSWORD)
        client.sendmail(USER, [USER], f'From: {USER}\r\nTo: {USER}\r\nSubject: by a published port\r\nDate: {email.utils.formatdate()}\r\n\r\nText.\r\n')
        client.quit()
        wait_until(lambda: 'by a published port' in self.subjects(), 'arrival', 20)

    def exits(self):
        """Of the suite's containers."""
        rows = run(*PODMAN, 'ps', '-a', '--format', '{{.Image}} {{.ExitCode}}').splitlines()
        return [row.split()[1] for row in rows if '/ostler:' in row]

    def logs(self):
        names = run(*PODMAN, 'ps', '-a', '--format', '{{.Names}} {{.Status}}').split('\n')
        return ' | '.join(name + ': ' + ' '.join(run('sh', '-c', ' '.join(PODMAN) + f' logs {name.split(" ")[0]} 2>&1').split())[-400:] for name in names if name)

    def greets(self, *ports):
        for port in ports:
            try:
                with smtplib.socket.create_connection(('127.0.0.1', self.ports[port]), 2) as client:
                    client.settimeout(5)
                    if not client.recv(100):
                        return False
            except OSError:
                return False
        return True


@contextlib.contextmanager
def api():
    """podman as docker's daemon. There is no systemd here to start health checks: containers/run runs the check by hand."""
    use_networks()
    run(*PODMAN, 'tag', 'localhost/ostler', 'docker.io/library/ostler:latest')
    with open(work / 'api.log', 'w') as log:
        server = subprocess.Popen([*PODMAN, 'system', 'service', '--time', '0', f'unix://{work}/api.sock'], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  env={**os.environ, 'DISABLE_HC_SYSTEMD': 'true'})
    try:
        wait_until((work / 'api.sock').exists, 'the API', 20)
        yield
    finally:
        server.terminate()
        server.wait(20)


@contextlib.contextmanager
def up(file, *ports):
    project = Project(file)
    try:
        with api():
            prepare_webmail(project)
            project.compose('up', '-d')
            try:
                wait_until(lambda: project.greets(*ports), 'every published port greets', 60)
                yield project
            except AssertionError as fault:
                raise AssertionError(f'{fault}: {project.logs()}'[:3000]) from None
            project.compose('stop', '-t', '15')
            check(set(project.exits()) == {'0'}, f'ended by force: {project.exits()}')
    finally:
        subprocess.run([*PODMAN, 'rm', '-f', '-a', '-t', '1'], capture_output=True, check=False)


def prepare_webmail(project):
    if 'webmail:' not in (project.folder / 'compose.yaml').read_text():
        return
    (project.folder / 'start.sh').write_text(START)
    (project.folder / 'ca.pem').write_text((project.folder / 'secrets/mail.pem').read_text())
    (project.folder / 'Dockerfile').write_text('FROM localhost/roundcube-tree\nCOPY start.sh ca.pem /\nCMD ["sh", "/start.sh"]\n')
    run(*PODMAN, 'import', ROUNDCUBE, 'localhost/roundcube-tree')
    run(*PODMAN, 'build', '--pull=never', '--network=none', '-t', 'docker.io/roundcube/roundcubemail', project.folder)


def whole():
    with up('compose.yaml', 25, 587, 143) as project:
        project.mail_flows('mail')
        if 80 in project.ports and ROUNDCUBE.exists():
            browser = Browser(f'http://127.0.0.1:{project.ports[80]}')
            def is_served():
                with contextlib.suppress(OSError):
                    return 'name="_token"' in browser.get()
            wait_until(is_served, 'the login page', 30)
            text = browser.log_in(USER, PASSWORD)
            check('messagelist' in text, f'Roundcube does not log in: {browser.url} {project.logs()[-900:]}')
            check('by a published port' in browser.remote('?_task=mail&_action=list&_mbox=INBOX'), 'the message is not listed')
        else:
            print('# without Roundcube: there is no tree of it below build/trees', flush=True)
        project.compose('restart', '-t', '15', 'mail')
        wait_until(lambda: 'by a published port' in project.subjects(), 'the message after a restart', 30)


def split():
    with up('compose.split.yaml', 25, 587, 143) as project:
        project.mail_flows('auth')
        modes = {run(*PODMAN, 'inspect', '-f', '{{.HostConfig.PidMode}}', f'{project.name}_{name}_1').strip().split(':')[0] for name in ('spool', 'imapd', 'pop3d')}
        check(modes == {'container'}, f'who shares a store shares no PID namespace: {modes}')


CASES = {
    'compose.yaml by docker-compose: mail goes in and out by published ports, and Roundcube finds the suite by its name': whole,
    'compose.split.yaml by docker-compose: a container for each process, and mail goes in and out by published ports': split,
}
