"""realm.py - Kerberos of our own: MIT's KDC from Debian, unpacked privately, on loopback, with two realms; and tickets of its users."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from suite import SOURCE, Skip, check, free_port, wait_until  # noqa: E402

HOME, OTHER = 'EXAMPLE.TEST', 'OTHER.TEST'
PACKAGES = ('krb5-kdc', 'krb5-admin-server', 'krb5-user', 'libkdb5-10', 'libkadm5srv-mit12', 'libkadm5clnt-mit12', 'libgssrpc4', 'libverto1', 'libverto-libev1', 'libev4',
            'libkrb5-3', 'libgssapi-krb5-2', 'libk5crypto3', 'libkrb5support0', 'python3-gssapi', 'python3-decorator', 'libfaketime')
PASSWORD = 'not-a-secret'
AN_HOUR_AGO = '-3600'


class Realms:
    """`alice` and `bob` of HOME, `alice` of OTHER, whom HOME trusts; service keys in `keytab`."""

    def __init__(self, folder):
        done = subprocess.run([SOURCE / 'tests/integration/unpack', *PACKAGES], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise Skip('packages cannot be had: ' + ' '.join(done.stderr.split())[-200:])
        self.root, self.folder = Path(done.stdout.strip()), Path(folder)
        self.keytab = self.folder / 'ostler.keytab'
        self.libraries = self.root / 'usr/lib/x86_64-linux-gnu'
        self.processes = []
        self.port, self.late_port = free_port(), free_port()
        self.configure('krb5.conf', self.port)
        self.configure('late.conf', self.late_port)
        for realm in (HOME, OTHER):
            self.run('usr/sbin/kdb5_util', '-r', realm, '-P', PASSWORD, 'create', '-s')
        for name in ('alice', 'bob', 'alice/admin', 'nobody-here', 'carol'):
            self.admin(HOME, f'addprinc -pw {PASSWORD} {name}')
        self.admin(OTHER, f'addprinc -pw {PASSWORD} alice')
        for realm in (HOME, OTHER):  # the same key on both sides is what trust is
            self.admin(realm, f'addprinc -pw {PASSWORD} -e aes256-cts:normal krbtgt/{HOME}@{OTHER}')
        for service in ('smtp', 'imap', 'pop', 'host'):
            self.admin(HOME, f'addprinc -randkey {service}/localhost')
            self.admin(HOME, f'ktadd -k {self.keytab} {service}/localhost')
        self.serve('krb5.conf', self.port)

    def configure(self, name, port):
        realms = '\n'.join(f'''  {realm} = {{
    kdc = 127.0.0.1:{port}
    database_name = {self.folder}/{realm}.db
    key_stash_file = {self.folder}/{realm}.stash
    acl_file = {self.folder}/{realm}.acl
    kdc_ports = 127.0.0.1:{port}
    kdc_tcp_ports = 127.0.0.1:{port}
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
    max_life = 10h
  }}''' for realm in (HOME, OTHER))
        (self.folder / name).write_text(f'''[libdefaults]
  default_realm = {HOME}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  plugin_base_dir = {self.libraries}/krb5/plugins
[realms]
{realms}
[domain_realm]
  localhost = {HOME}
[dbmodules]
  db_module_dir = {self.libraries}/krb5/plugins/kdb
[logging]
  kdc = FILE:{self.folder}/kdc.log
''')

    def env(self, cache='', config='krb5.conf', **more):
        return {**os.environ, 'LD_LIBRARY_PATH': str(self.libraries), 'KRB5_CONFIG': str(self.folder / config), 'KRB5_KDC_PROFILE': str(self.folder / config),
                'KRB5CCNAME': f'FILE:{self.folder}/{cache}.ccache', 'PYTHONPATH': str(self.root / 'usr/lib/python3/dist-packages'), **more}

    def an_hour_ago(self):
        return {'LD_PRELOAD': str(next(self.libraries.glob('faketime/libfaketime.so.1'))), 'FAKETIME': AN_HOUR_AGO, 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}

    def run(self, program, *words, stdin=None, **more):
        done = subprocess.run([self.root / program, *words], env=self.env(**more), input=stdin, capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, f'{program} {" ".join(words)}: {done.stdout} {done.stderr}')
        return done.stdout

    def admin(self, realm, query):
        return self.run('usr/sbin/kadmin.local', '-r', realm, '-q', query)

    def serve(self, config, port, **more):
        log = open(self.folder / f'{config}.out', 'w')  # noqa: SIM115
        self.processes.append(subprocess.Popen([self.root / 'usr/sbin/krb5kdc', '-n', '-r', HOME, '-r', OTHER], env=self.env(config=config, **more),
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))
        wait_until(lambda: f':{port:04X} 00000000:0000 0A' in Path('/proc/net/tcp').read_text(), 'the KDC: ' + Path(log.name).read_text(), 20)

    def log_in(self, cache, principal, **more):
        """kinit; what is done as that user needs `cache`."""
        self.run('usr/bin/kinit', '-l', '10m', principal, stdin=PASSWORD + '\n', cache=cache, **more)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)
