"""installing.py - packages that tests need, installed so that nothing they bring starts: not now, not at the next boot."""
import contextlib
import os
import subprocess
from pathlib import Path

POLICY = """#!/bin/sh
# Put here by tests/run while it installs what tests need; it goes when that is done. invoke-rc.d(8): nothing is to be started.
exit 101
"""


def enabled_units(root):
    """What starts at boot, as links below systemd's and init's folders."""
    return {link for folder in ('etc/systemd/system', 'etc/systemd/user') for link in Path(root, folder).glob('*.wants/*')} | set(Path(root).glob('etc/rc[2-5].d/S*'))


@contextlib.contextmanager
def starting_nothing(root='/'):
    """While it lasts, maintainer scripts start nothing (policy-rc.d); afterwards what they enabled is disabled again."""
    policy = Path(root, 'usr/sbin/policy-rc.d')
    ours = not policy.exists()  # a machine that has one knows what it wants
    before = enabled_units(root)
    if ours:
        policy.write_text(POLICY)
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink()
        for link in enabled_units(root) - before:
            link.unlink()


def install(names):
    """As root. Removes nothing, starts nothing."""
    quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'env': {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}, 'check': False}
    with starting_nothing():
        subprocess.run(['apt-get', 'update', '-qq'], **quiet)
        subprocess.run(['apt-get', 'install', '-y', '--no-install-recommends', '--no-remove', *names], **quiet)
