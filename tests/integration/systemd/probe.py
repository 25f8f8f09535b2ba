"""probe.py - tries what a sandbox is to deny, in whatever sandbox it is started in, and prints {attempt: done}. See inside.py.

It stands in for a process of the suite, in that process's unit: its user, its namespaces, its system call filter.
"""
import json
import mmap
import os
import socket
import subprocess
import tempfile
import time


def write(path):
    with open(path, 'w') as file:
        file.write('x')
    os.unlink(path)


def run(*words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True).stdout


def become_root_by_setuid_program():
    if run('/test/id', '-u').strip() != '0':
        raise PermissionError


def set_user_id_bit():
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o4755)


def change_owner():
    with tempfile.NamedTemporaryFile() as file:
        os.chown(file.name, os.getuid(), os.getgid())


def write_and_execute_memory():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def make_device():
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(folder + '/null', 0o600 | 0o020000, os.makedev(1, 3))


def family(number):
    socket.socket(number, socket.SOCK_RAW if number in (socket.AF_NETLINK, socket.AF_PACKET) else socket.SOCK_DGRAM).close()


ATTEMPTS = {
    # ProtectSystem, ProtectHome, InaccessiblePaths, and the user
    'write to /etc': lambda: write('/etc/probe'),
    'write to /usr': lambda: write('/usr/probe'),
    'write to /run': lambda: write('/run/probe'),
    'write to /var': lambda: write('/var/probe'),
    'read /etc/shadow': lambda: open('/etc/shadow').read(),
    'list /root': lambda: os.listdir('/root'),
    'list /home': lambda: os.stat('/home/somebody/file'),
    # PrivateTmp
    'read what others have in /tmp': lambda: open('/tmp/probe-of-others').read(),
    # PrivateDevices
    'see /dev/console': lambda: os.stat('/dev/console'),
    'make a device': make_device,
    # ProtectKernelTunables, ProtectKernelLogs, ProtectControlGroups, ProtectProc, ProcSubset
    'write to /proc/sys': lambda: open('/proc/sys/kernel/domainname', 'w').write('x'),
    'open /dev/kmsg': lambda: open('/dev/kmsg').close(),
    'make a control group': lambda: (os.mkdir('/sys/fs/cgroup/systemd/probe'), os.rmdir('/sys/fs/cgroup/systemd/probe')),
    'see other processes': lambda: os.stat('/proc/1'),
    'see /proc/meminfo': lambda: os.stat('/proc/meminfo'),
    # CapabilityBoundingSet, NoNewPrivileges, RestrictSUIDSGID
    'become root': lambda: os.setresuid(0, 0, 0),
    'become root by a setuid program': become_root_by_setuid_program,
    'set the set-user-id bit': set_user_id_bit,
    'change an owner': change_owner,
    'chroot': lambda: run('chroot', '/', 'true'),
    'mount': lambda: run('unshare', '-m', 'true'),
    # ProtectHostname, ProtectClock, RestrictRealtime, RestrictNamespaces, LockPersonality, MemoryDenyWriteExecute
    'set the host name': lambda: socket.sethostname(socket.gethostname()),
    'set the clock': lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    'real-time scheduling': lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
    'a user namespace': lambda: run('unshare', '-U', 'true'),
    'another personality': lambda: run('setarch', '--addr-no-randomize', 'true'),
    'memory to write and execute': write_and_execute_memory,
    # SystemCallFilter: @resources; RestrictAddressFamilies
    'choose a processor': lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    'change a priority': lambda: os.nice(1),
    'a socket of IPv4': lambda: family(socket.AF_INET),
    'a socket of IPv6': lambda: family(socket.AF_INET6),
    'a socket of the kernel (netlink)': lambda: family(socket.AF_NETLINK),
    'a raw socket': lambda: family(socket.AF_PACKET),
    'a socket of a virtual machine': lambda: family(socket.AF_VSOCK),
}


def succeeds(name, attempt):
    """In a process of its own: what succeeds does not change what comes after."""
    child = os.fork()
    if child == 0:
        try:
            attempt()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


print(json.dumps({name: succeeds(name, attempt) for name, attempt in ATTEMPTS.items()}), flush=True)
