"""peers.py - a name server, a Postfix, an Exim and an OpenSMTPD of our own: unpacked privately, on loopback, nothing of the machine is touched."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from suite import SOURCE, Skip, check, free_port, wait_until  # noqa: E402


def unpack(*packages):
    done = subprocess.run([str(SOURCE / 'tests/integration/unpack'), *packages], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Skip(done.stderr.strip())
    return Path(done.stdout.strip())


def library_path(*folders):
    return {**os.environ, 'LD_LIBRARY_PATH': ':'.join(map(str, folders))}


def listens(address, port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


class NameServer:
    """nsd with the zones given as name -> lines. As root it also answers on port 53 of an address of its own, for what can ask no other."""

    def __init__(self, folder, zones):
        root = unpack('nsd')
        self.port = free_port()
        self.address53 = f'127.{66 + os.getpid() % 100}.{os.getpid() // 100 % 250}.53' if os.geteuid() == 0 else None
        folder = Path(folder) / 'nsd'
        folder.mkdir()
        text = f'server:\n  ip-address: 127.0.0.1@{self.port}\n' + (f'  ip-address: {self.address53}@53\n' if self.address53 else '')
        text += (f'  username: ""\n  chroot: ""\n  database: ""\n  zonesdir: "{folder}"\n  pidfile: "{folder}/pid"\n  logfile: "{folder}/log"\n'
                 f'  xfrdfile: "{folder}/xfrd"\n  xfrdir: "{folder}"\n  zonelistfile: "{folder}/list"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n')
        for zone, lines in zones.items():
            (folder / zone).write_text(f'$ORIGIN {zone}.\n$TTL 5\n@ SOA ns.{zone}. root.{zone}. 1 3600 600 86400 5\n@ NS ns.{zone}.\nns A 127.0.0.1\n' + '\n'.join(lines) + '\n')
            text += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}"\n'
        (folder / 'nsd.conf').write_text(text)
        self.process = subprocess.Popen([str(root / 'usr/sbin/nsd'), '-d', '-c', str(folder / 'nsd.conf')], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=library_path(root / 'usr/lib/x86_64-linux-gnu'))
        wait_until(lambda: listens('127.0.0.1', self.port), 'nsd')

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Postfix:
    """Takes mail for `domain` into Maildirs, relays what loopback gives it. Its users are two that every Debian has."""
    OWNER, GROUP = 'news', 'uucp'

    def __init__(self, folder, domain, routes, name_server):
        if os.geteuid() != 0:
            raise Skip('Postfix changes users, so it needs root')
        if subprocess.run(['unshare', '--mount', 'true'], check=False, capture_output=True).returncode != 0:
            raise Skip('no mount namespace to give Postfix a resolv.conf of its own')
        self.root = unpack('postfix')
        self.folder = Path(folder) / 'postfix'
        self.port = free_port()
        self.process = None
        self.mail = self.folder / 'mail'
        queue, etc = self.folder / 'queue', self.folder / 'etc'
        owner = pwd.getpwnam(self.OWNER)
        os.chmod(folder, 0o755)
        for sub in ('etc', 'data', 'mail'):
            (self.folder / sub).mkdir(parents=True)
        (self.folder / 'resolv.conf').write_text(f'nameserver {name_server.address53}\n')
        for sub in 'active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace'.split():
            (queue / sub).mkdir(parents=True)
            if sub != 'pid':
                os.chown(queue / sub, owner.pw_uid, 0)
        shutil.chown(queue / 'maildrop', self.OWNER, self.GROUP)
        os.chmod(queue / 'maildrop', 0o1730)
        shutil.chown(queue / 'public', self.OWNER, self.GROUP)
        os.chmod(queue / 'public', 0o2710)
        os.chown(self.folder / 'data', owner.pw_uid, 0)
        os.chown(self.mail, 65534, 65534)
        sbin = self.root / 'usr/lib/postfix/sbin'
        (etc / 'main.cf').write_text(f'''compatibility_level = 3.6
queue_directory = {queue}
data_directory = {self.folder}/data
command_directory = {self.root}/usr/sbin
daemon_directory = {sbin}
shlib_directory = {self.root}/usr/lib/postfix
meta_directory = {self.root}/etc/postfix
mail_owner = {self.OWNER}
setgid_group = {self.GROUP}
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH
maillog_file = {self.folder}/log
maillog_file_prefixes = {self.folder}
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
alias_maps =
alias_database =
message_size_limit = 100000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {self.mail}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
transport_maps = inline:{{ {", ".join(f"{{ {name} = smtp:{name}:{port} }}" for name, port in routes.items())} }}
smtp_tls_security_level = may
smtp_dns_support_level = enabled
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
''')
        rows = [f'127.0.0.1:{self.port} inet n - n - - smtpd'] + [
            f'{name} unix {kind} {program}' for name, kind, program in (
                ('pickup', 'n - n 60 1', 'pickup'), ('cleanup', 'n - n - 0', 'cleanup'), ('qmgr', 'n - n 300 1', 'qmgr'), ('tlsmgr', '- - n 1000? 1', 'tlsmgr'),
                ('rewrite', '- - n - -', 'trivial-rewrite'), ('bounce', '- - n - 0', 'bounce'), ('defer', '- - n - 0', 'bounce'), ('trace', '- - n - 0', 'bounce'),
                ('verify', '- - n - 1', 'verify'), ('flush', 'n - n 1000? 0', 'flush'), ('proxymap', '- - n - -', 'proxymap'), ('smtp', '- - n - -', 'smtp'),
                ('relay', '- - n - -', 'smtp'), ('showq', 'n - n - -', 'showq'), ('error', '- - n - -', 'error'), ('retry', '- - n - -', 'error'),
                ('virtual', '- n n - -', 'virtual'), ('anvil', '- - n - 1', 'anvil'), ('scache', '- - n - 1', 'scache'))
        ] + ['postlog unix-dgram n - n - 1 postlogd']
        (etc / 'master.cf').write_text('\n'.join(rows) + '\n')
        self.command = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"', str(self.folder / 'resolv.conf'),
                        str(sbin / 'master'), '-c', str(etc), '-d']

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(self.folder / 'stderr').open('ab'),
                                        env=library_path(self.root / 'usr/lib/postfix', self.root / 'usr/lib/x86_64-linux-gnu'), start_new_session=True)
        wait_until(lambda: listens('127.0.0.1', self.port), f'Postfix: {(self.folder / "stderr").read_text()[-400:]}')
        return self

    def try_now(self):
        """What waits is tried by itself within seconds."""

    def stop(self):
        """master ends its children: they are of its process group, which is ours alone."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        self.process = None

    def received(self):
        box = self.mail / 'box' / 'new'
        return [file.read_bytes() for file in box.iterdir()] if box.is_dir() else []

    def has_deferred(self):
        return 'status=deferred' in self.log()

    def log(self):
        return (self.folder / 'log').read_text(errors='replace') if (self.folder / 'log').exists() else ''


def need_mount_namespace(name):
    if os.geteuid() != 0:
        raise Skip(f'{name} changes users, so it needs root')
    if subprocess.run(['unshare', '--mount', 'true'], check=False, capture_output=True).returncode != 0:
        raise Skip(f'no mount namespace to give {name} users of its own')


class Private:
    """A mail server in a mount namespace of its own, where the users that its Debian package would have made are there.

    Subclasses give: PACKAGES, USERS (name -> uid, gid), files() written below self.folder, binds() path -> what lies there, command().
    """
    PACKAGES, USERS = (), {}

    def __init__(self, folder, domain, routes, _name_server):
        self.name = type(self).__name__
        need_mount_namespace(self.name)
        self.root = unpack(*self.PACKAGES)
        self.folder = Path(folder) / self.name
        self.domain, self.routes = domain, routes
        self.port = free_port()
        self.process = None
        self.mail = self.folder / 'mail'
        os.chmod(folder, 0o755)
        self.mail.mkdir(parents=True)
        people = ''.join(line for line in Path('/etc/passwd').read_text().splitlines(True) if line.split(':')[0] not in self.USERS)
        groups = Path('/etc/group').read_text()
        for user, (uid, gid) in self.USERS.items():
            people += f'{user}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n'
            groups += f'{user}:x:{gid}:\n'
        (self.folder / 'passwd').write_text(people)
        (self.folder / 'group').write_text(groups)
        self.files()

    def start(self):
        binds = {'/etc/passwd': self.folder / 'passwd', '/etc/group': self.folder / 'group', **self.binds()}
        script = ''.join(f'mount --bind {source} {target} && ' for target, source in binds.items()) + 'exec "$@"'
        self.process = subprocess.Popen(['unshare', '--mount', 'sh', '-c', script, 'sh', *map(str, self.command())], stdin=subprocess.DEVNULL,
                                        stdout=(self.folder / 'stdout').open('ab'), stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(lambda: listens('127.0.0.1', self.port), f'{self.name}: {self.log()[-400:]}')
        return self

    def try_now(self):
        """What waits is tried by itself within seconds."""

    def stop(self):
        """Its children are of its process group, or end with it."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        self.process = None

    def received(self):
        box = self.mail / 'box' / 'new'
        return [file.read_bytes() for file in box.iterdir()] if box.is_dir() else []

    def binds(self):
        return {}


class Exim(Private):
    PACKAGES, USERS = ('exim4-daemon-light', 'exim4-base'), {'Debian-exim': (9, 13)}

    def files(self):
        for sub in ('spool', 'log', 'mail'):
            (self.folder / sub).mkdir(exist_ok=True)
            os.chown(self.folder / sub, 9, 13)
        routes = '; '.join(f'{name} 127.0.0.1::{port} byname' for name, port in self.routes.items())
        (self.folder / 'exim.conf').write_text(f"""exim_path = {self.root}/usr/sbin/exim4
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/log/%slog
primary_hostname = mx.{self.domain}
daemon_smtp_ports = {self.port}
local_interfaces = 127.0.0.1
acl_smtp_rcpt = ok
acl_smtp_data = ok
host_lookup =
rfc1413_query_timeout = 0s
dsn_advertise_hosts = *
message_size_limit = 100M
tls_advertise_hosts =
keep_environment =
begin acl
ok:
  accept
begin routers
box:
  driver = accept
  domains = {self.domain}
  transport = box
routed:
  driver = manualroute
  route_list = {routes}
  self = send
  transport = smtp
begin transports
box:
  driver = appendfile
  maildir_format
  directory = {self.folder}/mail/box
  user = Debian-exim
smtp:
  driver = smtp
begin retry
* * F,1h,1s
""")

    def command(self):
        return [self.root / 'usr/sbin/exim4', '-C', self.folder / 'exim.conf', '-bdf', '-q1s']

    def log(self):
        return ''.join(file.read_text(errors='replace') for file in sorted((self.folder / 'log').glob('*')))

    def has_deferred(self):
        return ' == ' in self.log() and ' defer (' in self.log()


class OpenSmtpd(Private):
    PACKAGES, USERS = ('opensmtpd',), {'opensmtpd': (9, 13), 'opensmtpq': (10, 10)}

    def files(self):
        for sub in ('spool/smtpd', 'lib/opensmtpd/empty', 'run'):
            (self.folder / sub).mkdir(parents=True)
        os.chmod(self.folder / 'spool/smtpd', 0o711)
        os.chown(self.mail, 65534, 65534)
        routed = ''.join(f'action "to-{at}" relay host smtp://127.0.0.1:{port}\nmatch from any for domain "{name}" action "to-{at}"\n'
                         for at, (name, port) in enumerate(self.routes.items()))
        (self.folder / 'smtpd.conf').write_text(f"""table people {{ "@" = "nobody" }}
listen on 127.0.0.1 port {self.port} hostname mx.{self.domain}
action "box" maildir "{self.mail}/box" virtual <people>
match from any for domain "{self.domain}" action "box"
{routed}""")

    def binds(self):
        return {'/var/spool': self.folder / 'spool', '/var/lib': self.folder / 'lib', '/run': self.folder / 'run', '/usr/libexec': self.root / 'usr/libexec'}

    def command(self):
        return [self.root / 'usr/sbin/smtpd', '-d', '-f', self.folder / 'smtpd.conf']

    def log(self):
        return (self.folder / 'stdout').read_text(errors='replace') if (self.folder / 'stdout').exists() else ''

    def has_deferred(self):
        return 'TempFail' in self.log()

    def try_now(self):
        """It would try again after minutes, and has no setting for that."""
        subprocess.run(['nsenter', '--mount', '--setgid', str(self.USERS['opensmtpq'][1]), '--target', str(self.process.pid),
                        str(self.root / 'usr/sbin/smtpctl'), 'schedule', 'all'],
                       stdout=subprocess.DEVNULL, check=True, timeout=20)


__all__ = ['NameServer', 'Postfix', 'Exim', 'OpenSmtpd', 'check']
