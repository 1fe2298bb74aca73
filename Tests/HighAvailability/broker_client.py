"""A service that hands tasks in over the broker, and hears what happens there."""

import collections
import glob
import json
import os
import subprocess
import sys
import threading
import time
import uuid

from processes import Fault


def use_pika():
    """The AMQP client for Python, in a folder of its own that stays for the next run."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("CHORUS_HIGH_AVAILABILITY") or os.path.join(cache, "chorus-high-availability")
    if not os.path.exists(f"{folder}/complete"):
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/python"], check=True)
        subprocess.run([f"{folder}/python/bin/pip", "install", "--quiet", "pika>=1.3,<2"], check=True)
        open(f"{folder}/complete", "w").close()
    sys.path[:0] = glob.glob(f"{folder}/python/lib/python3*/site-packages")
    import pika
    return pika


class Publisher:
    """Publishes tasks at a steady rate, some of them wrong, and collects the answers. One connection, one thread."""

    def __init__(self, url, key, project, rate, wrong_every=20):
        self.pika = use_pika()
        self.key, self.project, self.pause, self.wrong_every = key, project, 1 / rate, wrong_every
        self.connection = self.pika.BlockingConnection(self.pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.replies = self.channel.queue_declare("", exclusive=True).method.queue
        self.events = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.events, "chorus.events", f"task.completed.{project}")
        self.sent, self.wrong = set(), set()
        # By the message's name: every answer that came.
        self.answers = collections.defaultdict(list)
        self.completed = collections.Counter()
        self.sequences = []
        self.error = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def run(self):
        try:
            self.channel.basic_consume(self.replies, self.answered, auto_ack=True)
            self.channel.basic_consume(self.events, self.happened, auto_ack=True)
            due = time.monotonic()
            while not self.over.is_set():
                self.publish()
                due += self.pause
                self.listen(until=due)
            self.listen(until=time.monotonic() + 60, unless=lambda: len(self.answers) >= len(self.sent) + len(self.wrong))
            self.listen(until=time.monotonic() + 60, unless=lambda: len(self.completed) >= len(self.sent))
            # What comes twice would come now.
            self.listen(until=time.monotonic() + 3)
        except Exception as error:  # The run looks at it.
            self.error = error

    def listen(self, until, unless=lambda: False):
        while time.monotonic() < until and not unless():
            self.connection.process_data_events(max(0, min(0.1, until - time.monotonic())))

    def publish(self):
        name = str(uuid.uuid4())
        is_wrong = (len(self.sent) + len(self.wrong)) % self.wrong_every == self.wrong_every - 1
        task = {"project_id": self.project, "task_type": "chat", "input_data": {"prompt": name}}
        if is_wrong:
            del task["input_data"]
        (self.wrong if is_wrong else self.sent).add(name)
        properties = self.pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=name, correlation_id=name, reply_to=self.replies,
            headers={"authorization": f"Bearer {self.key}"})
        self.channel.basic_publish("chorus.intake", "task.create", json.dumps(task).encode(), properties)

    def answered(self, channel, method, properties, body):
        self.answers[properties.correlation_id].append((properties.headers["status"], json.loads(body)))

    def happened(self, channel, method, properties, body):
        event = json.loads(body)
        self.completed[event["task_id"]] += 1
        self.sequences.append(event["seq"])

    def end(self):
        """Returns the tasks that were promised. Each right message must have got one task, each wrong one its refusal."""
        self.over.set()
        self.thread.join(150)
        if self.error:
            raise Fault(f"the publisher ended: {self.error!r}")
        faults = []
        promised = {}
        for name in self.sent:
            statuses = {status for status, _ in self.answers[name]}
            tasks = {answer.get("task_id") for _, answer in self.answers[name]}
            if statuses != {201} or len(tasks) != 1:
                faults.append(f"message {name} was answered {statuses or 'nothing'} with tasks {tasks}")
            else:
                promised[name] = tasks.pop()
        for name in self.wrong:
            statuses = {status for status, _ in self.answers[name]}
            if statuses != {422}:
                faults.append(f"the wrong message {name} was answered {statuses or 'nothing'}")
        if faults:
            raise Fault(f"{len(faults)} messages: " + "; ".join(faults[:3]))
        return list(promised.values())
