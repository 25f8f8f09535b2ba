"""peer_root.py - Postfix and Dovecot from Debian, unpacked privately and run in a mount namespace of their own.

Nothing is installed: the packages (and those of their dependencies that are missing) are downloaded, unpacked below the
build folder and laid over the machine's own root as an overlay that only the peers' processes see. Needs root.
"""
import os
import shutil
import subprocess

PACKAGES = ["postfix", "dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"]
MARK = "peer-command-ended"


class PeerRoot:
    """A shell inside the peers' namespace. When this object or its owner ends, the namespace's processes are ended too."""

    def __init__(self, cache, scratch):
        self.cache, self.scratch = cache, scratch
        self.unpack()
        self.shell = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", self.script()],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.run("true")

    def unpack(self):
        if os.path.exists(self.cache + "/complete"):
            return
        shutil.rmtree(self.cache, ignore_errors=True)
        os.makedirs(self.cache + "/packages")
        plan = subprocess.run(["apt-get", "-s", "--no-install-recommends", "install", *PACKAGES], capture_output=True, text=True)
        needed = {line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")} | set(PACKAGES)
        needed -= {"adduser", "ucf", "debconf", "lsb-base", "init-system-helpers"}
        subprocess.run(["apt-get", "-qq", "download", *sorted(needed)], cwd=self.cache + "/packages", check=True,
                       stderr=subprocess.DEVNULL)
        root = self.cache + "/root"
        for package in os.listdir(self.cache + "/packages"):
            subprocess.run(["dpkg", "-x", package, root], cwd=self.cache + "/packages", check=True)
        for folder in ("bin", "sbin", "lib"):  # on the machine they are links into /usr
            if os.path.isdir(f"{root}/{folder}"):
                shutil.copytree(f"{root}/{folder}", f"{root}/usr/{folder}", symlinks=True, dirs_exist_ok=True)
                shutil.rmtree(f"{root}/{folder}")
        for name, line in {"passwd": "{0}:x:{1}:{1}::/nonexistent:/bin/false", "group": "{0}:x:{1}:"}.items():
            with open("/etc/" + name) as ours, open(f"{root}/etc/{name}", "w") as theirs:
                theirs.write(ours.read())
                for number, user in enumerate(["postfix", "postdrop", "dovecot", "dovenull", "vmail"], 5996):
                    theirs.write(line.format(user, 5000 if user == "vmail" else number) + "\n")
        open(self.cache + "/complete", "w").close()

    def script(self):
        os.makedirs(self.scratch, exist_ok=True)
        base = self.cache + "/mount"
        os.makedirs(base, exist_ok=True)
        return f"""set -e
mount -t tmpfs tmpfs {base}
mkdir {base}/upper {base}/work {base}/root {base}/peer
cp -a {self.cache}/root/. {base}/peer/
mount -t overlay overlay -o lowerdir={base}/peer:/,upperdir={base}/upper,workdir={base}/work {base}/root
mkdir -p {base}/root{self.scratch}
mount --bind {self.scratch} {base}/root{self.scratch}
mount -t proc proc {base}/root/proc
mount --rbind /dev {base}/root/dev
exec chroot {base}/root bash
"""

    def run(self, command):
        """Runs a command inside, returns what it printed, raises when it failed."""
        self.shell.stdin.write(f"{{ {command}\n}} </dev/null 2>&1; echo; echo {MARK} $?\n")
        lines = []
        for line in self.shell.stdout:
            if line.startswith(MARK):
                if line.split()[1] != "0":
                    raise RuntimeError(f"in the peers' root: {command}\n" + "".join(lines))
                return "".join(lines)
            lines.append(line)
        raise RuntimeError("the peers' root is gone:\n" + "".join(lines))

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()
