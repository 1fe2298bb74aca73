"""Chorus itself: its processes, a steady load, and the verdict over what became of it."""

import collections
import http.client
import itertools
import json
import os
import threading
import time
import uuid

from processes import Fault, Ticker, say, until


class Chorus:
    def __init__(self, run, database_url, amqp_url, environment=None):
        self.run = run
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        self.environment = {name: os.environ[name] for name in names if name in os.environ}
        self.environment |= {
            "CHORUS_DATABASE_URL": database_url, "CHORUS_AMQP_URL": amqp_url, "CHORUS_AMQP_QUEUE_TYPE": "quorum",
            "CHORUS_LOG_LEVEL": "info", "CHORUS_WORKER_CONCURRENCY": "64", **(environment or {}),
        }
        self.counts = collections.Counter()
        self.gateways, self.workers = [], []
        self.key = None

    def command(self, *arguments, input=None, check=True, limit=120, environment=None):
        return self.run.call(
            [self.run.chorus, *arguments], environment=self.environment | (environment or {}), input=input, check=check, limit=limit)

    def prepare(self, latency="200ms"):
        """The schema, an owner with a key, and the simulated engine."""
        self.command("migrate")
        self.command("account", "create", "--email", "owner@example.org", "--admin", "--service")
        self.key = json.loads(self.command("key", "create", "--email", "owner@example.org", "--json"))["api_key"]
        [self.engine_port] = self.run.ports(1)
        self.run.start("engine", [self.run.chorus, "simulate-engine", "--port", str(self.engine_port), "--latency", latency])
        file = self.run.write(
            self.run.path("engines.yaml"),
            f"engines:\n  - {{name: simulated, engine_type: openai, base_url: 'http://127.0.0.1:{self.engine_port}/v1', model: simulated}}\n")
        self.command("engines", "apply", file)

    def start_process(self, kind, environment):
        self.counts[kind] += 1
        name = f"{kind}-{self.counts[kind]}"
        environment = self.environment | environment
        return self.run.start(name, [self.run.chorus, kind], environment=environment)

    def start_gateway(self, port=None):
        port = port or self.run.ports(1)[0]
        gateway = self.start_process("gateway", {"CHORUS_HTTP_PORT": str(port)})
        gateway.port = port
        self.gateways.append(gateway)
        until(f"{gateway.name} is ready", 60, lambda: gateway.is_running and self.ready(port))
        return gateway

    def start_worker(self):
        number = self.counts["worker"] + 1
        worker = self.start_process(
            "worker", {"CHORUS_WORKER_NAME": f"w{number}", "CHORUS_WORKER_STATE_DIRECTORY": self.run.path(f"worker-{number}")})
        self.workers.append(worker)
        return worker

    @staticmethod
    def ready(port):
        try:
            return request(port, "GET", "/readyz", timeout=5)[0] == 200
        except OSError:
            return False

    def engine_stats(self):
        status, stats = request(self.engine_port, "GET", "/stats", timeout=60)
        return stats

    def require_alive(self):
        """No process of Chorus may have ended by itself."""
        for process in self.gateways + self.workers:
            if not process.is_running and not getattr(process, "was_struck", False):
                raise Fault(f"{process.name} ended with {process.child.returncode}:\n{process.tail()}")


def connect(door, timeout):
    """`door` is a port of loopback, or a port and the TLS context to use there."""
    if isinstance(door, int):
        return http.client.HTTPConnection("127.0.0.1", door, timeout=timeout)
    port, context = door
    return http.client.HTTPSConnection("localhost", port, timeout=timeout, context=context)


def request(door, method, path, body=None, key=None, headers=None, timeout=15):
    """One request over a connection of its own; the status and the JSON of the answer."""
    connection = connect(door, timeout)
    try:
        fields = {"Content-Type": "application/json", **(headers or {})}
        if key:
            fields["Authorization"] = f"Bearer {key}"
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=fields)
        answer = connection.getresponse()
        text = answer.read()
        try:
            return answer.status, json.loads(text) if text else None
        except ValueError:
            return answer.status, text.decode(errors="replace")
    except http.client.HTTPException as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def make_project(chorus, door, name, settings=None):
    body = {"project_name": f"{name} {uuid.uuid4()}", "settings": settings or {}}
    status, project = request(door, "POST", "/v1/projects", body, key=chorus.key)
    if status != 201:
        raise Fault(f"no project: {status} {project}")
    return project["project_id"]


class Load:
    """Hands in tasks at a steady rate. A request that gets no 201 is sent again under its key, to the next door, until it does."""

    def __init__(self, chorus, doors, rate, batch=4, projects=8, patience=120):
        self.chorus, self.doors, self.batch, self.patience = chorus, doors, batch, patience
        self.accepted, self.lock = [], threading.Lock()
        self.answers = collections.Counter()
        self.numbers = itertools.count(1)
        self.underway = threading.Semaphore(64)
        self.errors, self.senders = [], []
        # Several projects, and tasks of every lane, so that every queue has some to do.
        self.projects = [make_project(chorus, doors[0], "Load") for _ in range(projects)]
        self.ticker = Ticker(self.begin, batch / rate)

    def start(self):
        self.ticker.start()

    def begin(self):
        self.underway.acquire()
        sender = threading.Thread(target=self.send, args=(next(self.numbers),), daemon=True)
        self.senders.append(sender)
        sender.start()

    def send(self, number):
        tasks = [
            {"task_type": "chat", "priority": place * 3 % 10, "input_data": {"prompt": f"{number}.{place}"}} for place in range(self.batch)]
        path = f"/v1/projects/{self.projects[number % len(self.projects)]}/tasks"
        end = time.monotonic() + self.patience
        attempt = number
        try:
            while True:
                door = self.doors[attempt % len(self.doors)]
                attempt += 1
                try:
                    status, answer = request(
                        door, "POST", path, tasks, key=self.chorus.key, headers={"Idempotency-Key": f"load-{number}"})
                except OSError as error:
                    status, answer = type(error).__name__, None
                with self.lock:
                    self.answers[status] += 1
                if status == 201:
                    with self.lock:
                        self.accepted += answer["task_ids"]
                    return
                # Only what may pass is tried again.
                if isinstance(status, int) and status not in (429, 502, 503, 504) or time.monotonic() > end:
                    self.errors.append(f"request {number}: {status} {answer}")
                    return
                time.sleep(0.2)
        finally:
            self.underway.release()

    def end(self):
        """Stops, and waits for what is under way. Every request must have got its 201."""
        self.ticker.end()
        for sender in self.senders:
            sender.join(self.patience + 30)
        if self.errors or self.ticker.error:
            raise Fault(f"{len(self.errors)} requests were never answered 201: {self.errors[:3]} {self.ticker.error or ''}")
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(self.answers.items(), key=str))
        say(f"{len(self.accepted)} tasks were answered 201 (answers {answers})")


class Verdict:
    """What became of the load, from the database, the engine and `chorus verify`."""

    def __init__(self, chorus, query):
        self.chorus, self.query = chorus, query

    def wait_until_done(self, limit=180):
        rest = "SELECT count(*) FROM tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')"
        until("every task has ended", limit, lambda: self.query(rest) == "0", pause=0.5)

    def completed_since(self, moment):
        return int(self.query(
            f"SELECT count(*) FROM task_history WHERE status_to = 'completed' AND changed_at > to_timestamp({moment})"))

    def gap(self, since, until_time):
        """The longest time without a completed task between two moments, in seconds (seconds since 1970)."""
        text = self.query(
            f"""
            SELECT max(extract(epoch FROM at - before)) FROM (
                SELECT at, lag(at) OVER (ORDER BY at) AS before FROM (
                    SELECT to_timestamp({since}) AS at
                    UNION ALL SELECT changed_at FROM task_history
                        WHERE status_to = 'completed' AND changed_at BETWEEN to_timestamp({since}) AND to_timestamp({until_time})
                ) moments) pairs
            """)
        return float(text) if text else float("inf")

    def slowest(self, since, until_time):
        """The longest way from acceptance to completion of a task that was accepted between two moments, in seconds."""
        return float(self.query(
            f"""
            SELECT coalesce(max(extract(epoch FROM coalesce(completed_at, clock_timestamp()) - created_at)), 0) FROM tasks
            WHERE created_at BETWEEN to_timestamp({since}) AND to_timestamp({until_time})
            """))

    def check(self, accepted, calls_are_exact=False):
        """Throws unless every accepted task is completed, once, and no other is there."""
        faults = []
        rows = self.query("SELECT task_id || ' ' || status FROM tasks").split("\n")
        found = dict(row.split(" ") for row in rows if row)
        lost = [task for task in accepted if task not in found]
        if lost:
            faults.append(f"{len(lost)} accepted tasks are not in the database: {lost[:3]}")
        if len(set(accepted)) != len(accepted):
            faults.append("a task was promised twice")
        if len(found) != len(set(accepted)):
            faults.append(f"{len(found)} tasks are there for {len(set(accepted))} that were accepted")
        others = collections.Counter(status for status in found.values() if status != "completed")
        if others:
            faults.append(f"not completed: {dict(others)}")
        stats = self.chorus.engine_stats()
        if stats["keys_called_twice"]:
            faults.append(f"{stats['keys_called_twice']} calls reached the engine twice")
        if calls_are_exact and stats["calls"] != len(found):
            faults.append(f"the engine was called {stats['calls']} times for {len(found)} tasks")
        outcome = self.chorus.command("verify", check=False)
        if outcome.returncode != 0:
            faults.append(f"chorus verify: {outcome.stdout.strip()} {outcome.stderr.strip()}")
        self.chorus.require_alive()
        if faults:
            raise Fault("\n".join(faults))
        say(f"{len(found)} tasks completed, {stats['calls']} calls, none of them twice; {outcome.stdout.strip().splitlines()[-1]}")


