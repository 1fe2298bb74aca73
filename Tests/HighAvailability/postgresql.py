"""PostgreSQL servers as private processes, configured by deploy/cluster: a primary, and replicas of it."""

import os
import secrets
import signal
import time

from processes import say, until

CLUSTER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../deploy/cluster"))
PROGRAMS = next(path for path in ("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin") if os.path.isdir(path))


class PostgresServer:
    def __init__(self, run, name, password=None, port=None):
        self.run, self.name = run, name
        self.password = password or secrets.token_hex(16)
        self.folder = run.make_folder(name)
        self.data = f"{self.folder}/data"
        self.port = port or run.ports(1)[0]
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"postgresql://chorus:{self.password}@{self.address}/chorus"

    @property
    def environment(self):
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PGPASSWORD": self.password, "HOME": self.folder}

    def program(self, name, *arguments, limit=120):
        return self.run.call([f"{PROGRAMS}/{name}", *arguments], as_server=True, environment=self.environment, limit=limit)

    def initialise(self, *settings):
        secret = self.run.write(f"{self.folder}/password", self.password, mode=0o600)
        self.program(
            "initdb", "--pgdata", self.data, "--username", "chorus", "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
        self.configure(*settings)

    def configure(self, *settings):
        """The deployed settings, and over them those of a small private server."""
        with open(f"{CLUSTER}/postgresql.conf") as file:
            shared = self.run.write(f"{self.data}/chorus.conf", file.read())
        own = [
            f"include '{os.path.basename(shared)}'", "listen_addresses = '127.0.0.1'", f"port = {self.port}",
            "unix_socket_directories = ''", "shared_buffers = 128MB", "effective_cache_size = 512MB", "max_wal_size = 1GB",
            "logging_collector = off", *settings,
        ]
        self.run.write(f"{self.data}/postgresql.conf", "\n".join(own) + "\n")

    def start(self):
        self.process = self.run.start(self.name, [f"{PROGRAMS}/postgres", "-D", self.data], as_server=True, stop=signal.SIGINT)
        until(f"{self.name} takes connections", 60, self.is_ready)

    def is_ready(self):
        done = self.run.call(
            [f"{PROGRAMS}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], environment=self.environment, check=False)
        return done.returncode == 0

    def kill(self):
        """Ends all of it at once, as when the power fails: the postmaster first, then its children, which would linger to notice."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        self.process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def query(self, sql, database="chorus"):
        """What psql prints, without headers and decoration."""
        return self.run.call(
            [f"{PROGRAMS}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "chorus", "-d", database,
             "-c", sql], environment=self.environment).strip()

    def create_database(self):
        self.query("CREATE DATABASE chorus", database="postgres")

    def make_replica(self, name, *settings, port=None):
        """Another server that follows this one, through a slot of its name."""
        replica = PostgresServer(self.run, name, self.password, port)
        replica.program(
            "pg_basebackup", "-D", replica.data, "-h", "127.0.0.1", "-p", str(self.port), "-U", "chorus", "-R", "-C", "-S", name, "-X",
            "stream", "-c", "fast", "--no-sync")
        replica.configure(
            f"primary_conninfo = 'host=127.0.0.1 port={self.port} user=chorus password={self.password} application_name={name}'",
            f"primary_slot_name = '{name}'", *settings)
        # What pg_basebackup wrote there would come last and win, without a name.
        self.run.write(f"{replica.data}/postgresql.auto.conf", "")
        replica.start()
        return replica

    def promote(self):
        began = time.monotonic()
        self.program("pg_ctl", "promote", "-D", self.data, "-w", "-t", "30")
        say(f"{self.name} was promoted in {time.monotonic() - began:.1f} s")
