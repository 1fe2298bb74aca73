"""Private processes of one run: on loopback, as an unprivileged user, ended by their ids, and gone when the run is."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ACCOUNTS = ["postgres", "rabbitmq", "nobody"]


class Fault(Exception):
    """What the run found, or why it could not go on."""


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def until(what, limit, condition, pause=0.1):
    """Waits for `condition` to give something true; returns that."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Fault(f"not within {limit} s: {what}")
        time.sleep(pause)


def is_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    def __init__(self, name, command, log, environment=None, account=None, stop=signal.SIGTERM):
        self.name, self.log, self.stop = name, log, stop
        # The kernel ends it with this script, however that ends.
        guard = ["setpriv", "--pdeathsig", "KILL"]
        if account:
            guard += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                guard + ["--"] + command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    @property
    def is_running(self):
        return self.child.poll() is None

    def kill(self, number=signal.SIGKILL):
        self.child.send_signal(number)
        if number == signal.SIGKILL:
            self.child.wait(30)

    def end(self, limit=30):
        if self.is_running:
            self.child.send_signal(self.stop)
            try:
                self.child.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.child.returncode

    def said(self, text):
        with open(self.log, "rb") as file:
            return text.encode() in file.read()

    def tail(self, count=15):
        with open(self.log, "rb") as file:
            return b"\n".join(file.read().splitlines()[-count:]).decode(errors="replace")


class Run:
    """A folder, its processes and its ports. Leaves nothing behind, save the folder of a run that failed."""

    def __init__(self, name, limit, keep=False):
        self.keep = keep
        self.chorus = os.environ.get("CHORUS") or os.path.join(os.path.dirname(__file__), "../../.build/debug/chorus")
        self.chorus = os.path.realpath(self.chorus)
        if not os.access(self.chorus, os.X_OK):
            raise Fault(f"no binary at {self.chorus}: swift build, or CHORUS=… names another")
        self.folder = tempfile.mkdtemp(prefix=f"chorus-{name}-")
        # The servers' user has to get there.
        os.chmod(self.folder, 0o755)
        self.account = None
        if os.geteuid() == 0:
            self.account = next(pwd.getpwnam(name) for name in ACCOUNTS if name in {entry.pw_name for entry in pwd.getpwall()})
        self.processes = []
        self.reserved = set()
        self.cleanups = contextlib.ExitStack()
        signal.signal(signal.SIGTERM, self.interrupted)
        signal.signal(signal.SIGALRM, self.interrupted)
        signal.alarm(limit)

    @staticmethod
    def interrupted(number, frame):
        raise Fault("its time is over" if number == signal.SIGALRM else "ended from outside")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        signal.alarm(0)
        if kind not in (None, Fault) and not issubclass(kind, KeyboardInterrupt):
            say(f"{kind.__name__}: {error}")
        self.cleanups.close()
        for process in reversed(self.processes):
            process.kill() if process.is_running else None
        if kind is None and self.keep:
            say(f"its logs and data are in {self.folder}")
        elif kind is None:
            shutil.rmtree(self.folder)
        else:
            say(f"FAILED: {error}")
            say(f"its logs and data stay in {self.folder}")
            sys.exit(1)

    def ports(self, count):
        """Free ports of loopback, each given once."""
        sockets = [socket.socket() for _ in range(count * 2)]
        try:
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            found = [each.getsockname()[1] for each in sockets]
        finally:
            for each in sockets:
                each.close()
        found = [port for port in found if port not in self.reserved][:count]
        self.reserved |= set(found)
        return found

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make_folder(self, *names):
        """A folder of the servers' user."""
        path = self.path(*names)
        os.makedirs(path, exist_ok=True)
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path

    def write(self, path, text, mode=0o644):
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path

    def start(self, name, command, as_server=False, environment=None, stop=signal.SIGTERM):
        process = Process(
            name, command, self.path(f"{name}.log"), environment=environment, account=self.account if as_server else None, stop=stop)
        self.processes.append(process)
        return process

    def call(self, command, as_server=False, environment=None, input=None, limit=60, check=True):
        """Runs a command to its end; gives what it printed."""
        if as_server and self.account:
            guard = ["setpriv", f"--reuid={self.account.pw_uid}", f"--regid={self.account.pw_gid}", "--clear-groups", "--"]
            command = guard + command
        done = subprocess.run(command, capture_output=True, text=True, env=environment, input=input, timeout=limit, cwd=self.folder)
        if check and done.returncode != 0:
            raise Fault(f"{' '.join(command[-6:])} ended with {done.returncode}: {done.stderr.strip()[-1500:]} {done.stdout.strip()[-500:]}")
        return done.stdout if check else done


class Ticker(threading.Thread):
    """Calls `body` again and again until it is stopped; keeps the first error."""

    def __init__(self, body, pause):
        super().__init__(daemon=True)
        self.body, self.pause, self.error = body, pause, None
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                self.body()
            except Exception as error:  # The run looks at it.
                self.error = self.error or error
            self.over.wait(self.pause)

    def end(self):
        self.over.set()
        self.join(30)
