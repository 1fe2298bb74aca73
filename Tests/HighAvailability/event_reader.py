"""Readers of server-sent events, who come back with the last id they saw."""

import json
import threading

from processes import Fault
from system import connect


class EventReader(threading.Thread):
    """Follows one project through a door, however often its stream breaks."""

    def __init__(self, door, project, key):
        super().__init__(daemon=True)
        self.door, self.project, self.key = door, project, key
        self.last = None
        self.ids, self.completed = [], []
        self.connections, self.resets = 0, 0
        self.refusals = []
        self.over = threading.Event()
        self.begun = threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                self.follow()
            except (OSError, ValueError) as error:
                self.refusals.append(str(error))
            except Exception as error:  # http.client: a chunk that was cut off.
                self.refusals.append(type(error).__name__)
            self.over.wait(0.3)

    def follow(self):
        connection = connect(self.door, timeout=40)
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        try:
            connection.request("GET", f"/v1/projects/{self.project}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            self.connections += 1
            event, number, data = None, None, ""
            while not self.over.is_set():
                line = answer.readline()
                if not line:
                    return
                line = line.decode().rstrip("\n")
                field, _, value = line.partition(": ")
                if line == "":
                    self.take(event, number, data)
                    event, number, data = None, None, ""
                elif field == "event":
                    event = value
                elif field == "id":
                    number = value
                elif field == "data":
                    data = value
        finally:
            connection.close()

    def take(self, event, number, data):
        if number is not None:
            self.last = number
            self.begun.set()
        if event == "reset":
            self.resets += 1
        elif event is not None:
            self.ids.append(int(number))
            if event == "task.completed":
                self.completed.append(json.loads(data)["task_id"])

    def check(self, tasks):
        if self.ids != sorted(set(self.ids)):
            raise Fault("a reader saw an event twice, or out of order")
        if sorted(self.completed) != sorted(tasks):
            raise Fault(f"a reader saw {len(self.completed)} tasks completed of {len(tasks)}, resets: {self.resets}, {self.refusals[-3:]}")
