"""podman.py - podman with storage of its own below a temporary folder, and the suite's image. Is not: a case.

The stage that compiles is replaced by packages of this build; the stage that makes the image is the Dockerfile's own. The base is
a Debian tree made by mmdebstrap, kept below build/trees. Networks are made by Debian's netavark, unpacked privately when it is not there.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from suite import LONG, SOURCE, Skip, check, need  # noqa: E402

work = Path(tempfile.mkdtemp(prefix='ostler-pod-'))
PODMAN = ['podman', '--root', str(work / 'root'), '--runroot', str(work / 'run'), '--tmpdir', str(work / 'tmp'), '--cgroup-manager', 'cgroupfs',
          '--events-backend', 'file', '--runtime', 'runc']
ULIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']


def run(*words, timeout=600, stdin=None, **more):
    done = subprocess.run([str(word) for word in words], input=stdin, stdin=None if stdin else subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False, **more)
    check(done.returncode == 0, f'{" ".join(map(str, words))[-300:]}: {done.returncode}: {done.stdout[-600:]} {done.stderr[-1200:]}')
    return done.stdout


def unpacked(*packages):
    done = subprocess.run([SOURCE / 'tests/integration/unpack', *packages], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Skip('packages cannot be had: ' + ' '.join(done.stderr.split())[-200:])
    return Path(done.stdout.strip())


def use_networks():
    """Bridges, published ports and names of containers."""
    need('iptables')
    helpers = ['/usr/lib/podman']
    if not Path('/usr/lib/podman/netavark').exists():
        helpers.insert(0, str(unpacked('netavark', 'aardvark-dns') / 'usr/lib/podman'))
    (work / 'containers.conf').write_text('[engine]\nhelper_binaries_dir=[%s]\n[network]\nnetwork_backend="netavark"\nnetwork_config_dir="%s/networks"\n'
                                          '[containers]\ndefault_ulimits=["nofile=1024:1024", "nproc=1000:1000"]\n' % (', '.join(f'"{one}"' for one in helpers), work))
    os.environ['CONTAINERS_CONF'] = str(work / 'containers.conf')


def tree(name, *packages):
    """A Debian tree as a tar, made once."""
    tar = SOURCE / 'build/trees' / f'{name}.tar'
    if not tar.exists():
        need('mmdebstrap')
        if not LONG:
            raise Skip('there is no Debian tree yet below build/trees; tests/run --long makes one')
        tar.parent.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(['mmdebstrap', '--quiet', '--variant=minbase', '--include=' + ','.join(packages), 'bookworm', str(work / 'new.tar')],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800, check=False)
        if made.returncode != 0:
            raise Skip('a Debian tree cannot be made here: ' + ' '.join(made.stderr.split())[-300:])
        shutil.move(work / 'new.tar', tar)
    return tar


def images():
    if os.geteuid() != 0:
        raise Skip('only root')
    need('podman', 'runc', 'dpkg-shlibdeps')
    tar = tree('base', 'ca-certificates')
    binaries = os.environ.get('OSTLER_BIN_DIR', str(SOURCE / 'build/release'))
    context = work / 'packages'
    run('env', f'OSTLER_BIN_DIR={binaries}', SOURCE / 'packaging/debian/build', context / 'out')
    (context / 'Dockerfile').write_text('FROM scratch\nCOPY out /out\n')
    run(*PODMAN, 'import', tar, 'localhost/debian-base:bookworm')
    run(*PODMAN, 'tag', 'localhost/debian-base:bookworm', 'docker.io/library/debian:bookworm-slim')
    run(*PODMAN, 'build', '--pull=never', '--network=none', '-t', 'localhost/ostler-packages', context)
    # Health checks are of docker's image format.
    run(*PODMAN, 'build', '--format', 'docker', '--pull=never', '--network=host', '--ulimit', 'nofile=1024:1024', '--build-arg', 'PACKAGES=localhost/ostler-packages',
        '-t', 'localhost/ostler', '-f', SOURCE / 'packaging/docker/Dockerfile', context)


def is_built():
    return subprocess.run([*PODMAN, 'image', 'exists', 'localhost/ostler'], capture_output=True, check=False).returncode == 0


def clean_up():
    subprocess.run([*PODMAN, 'rm', '-f', '-a', '-t', '1'], capture_output=True, check=False)
    subprocess.run([*PODMAN, 'system', 'reset', '-f'], capture_output=True, check=False)
    subprocess.run(['umount', '-q', str(work / 'root/overlay')], capture_output=True, check=False)
    shutil.rmtree(work, ignore_errors=True)
