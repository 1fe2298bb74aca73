"""Opens many streams of events, runs tasks, ends the gateway in the middle, and compares what the readers got."""

import argparse
import array
import asyncio
import collections
import json
import os
import random
import re
import signal
import sys
import time
import urllib.parse
import urllib.request

FIELDS = re.compile(rb"^id: (\d+)\n(?:event: ([a-z_.]+)\n)?", re.MULTILINE)
RETRY = re.compile(rb"^retry: (\d+)\n", re.MULTILINE)


def variables(path):
    with open(path) as file:
        pairs = (line.rstrip("\n").split("=", 1) for line in file if "=" in line)
        return {name: value.strip("'\"") for name, value in pairs}


class Reader(asyncio.Protocol):
    """One reader: remembers the number of each event, and comes back with the last one where its stream ends."""

    def __init__(self, host, port, path, key):
        self.host, self.port, self.path, self.key = host, port, path, key
        self.ids = array.array("q")
        self.names = collections.Counter()
        self.last = None
        self.retry = 1.0
        self.connections = 0
        self.refusals = collections.Counter()
        self.resets = 0
        self.disorder = 0
        self.isOver = False
        self.transport = None

    async def connect(self):
        self.data, self.text, self.head = b"", b"", None
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self.host, self.port)
        except OSError:
            self.again()

    def again(self):
        if not self.isOver:
            asyncio.get_running_loop().call_later(self.retry, lambda: asyncio.ensure_future(self.connect()))

    def connection_made(self, transport):
        self.transport = transport
        resume = f"Last-Event-ID: {self.last}\r\n" if self.last is not None else ""
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.key}\r\n{resume}\r\n".encode()
        )

    def connection_lost(self, error):
        self.again()

    def data_received(self, data):
        self.data += data
        if self.head is None:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head, self.data = self.data[:end], self.data[end + 4 :]
            status = int(self.head.split(b" ", 2)[1])
            if status != 200:
                self.refusals[status] += 1
                self.transport.close()
                return
            self.connections += 1
        while True:
            end = self.data.find(b"\r\n")
            if end < 0:
                break
            size = int(self.data[:end], 16)
            if len(self.data) < end + 2 + size + 2:
                break
            self.text += self.data[end + 2 : end + 2 + size]
            self.data = self.data[end + 2 + size + 2 :]
            if size == 0:
                self.transport.close()
                return
        end = self.text.rfind(b"\n\n")
        if end < 0:
            return
        block, self.text = self.text[: end + 2], self.text[end + 2 :]
        for match in RETRY.finditer(block):
            self.retry = int(match[1]) / 1000
        for match in FIELDS.finditer(block):
            number = int(match[1])
            if match[2]:
                name = match[2].decode()
                if name == "reset":
                    self.resets += 1
                else:
                    if self.ids and number <= self.ids[-1]:
                        self.disorder += 1
                    self.ids.append(number)
                    self.names[name] += 1
            self.last = number


class Gateway:
    def __init__(self, path):
        self.path = path
        found = variables(path)
        self.url, self.key = found["CHORUS_URL"], found["CHORUS_API_KEY"]
        self.peaks = {}

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + self.key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def pid(self):
        return int(variables(self.path).get("CHORUS_GATEWAY_PID") or 0)

    def note(self):
        """The most memory that the gateway of this moment has had, in MiB."""
        pid = self.pid()
        try:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        self.peaks[pid] = int(line.split()[1]) / 1024
        except OSError:
            pass


async def until(limit, condition):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition():
            return True
        await asyncio.sleep(0.1)
    return False


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--environment", required=True)
    options.add_argument("--readers", type=int, default=1000)
    options.add_argument("--tasks", type=int, default=10000)
    options.add_argument("--projects", type=int, default=10)
    options.add_argument("--signal", choices=["TERM", "KILL"], default="TERM")
    options.add_argument("--limit", type=float, default=300, help="seconds for all of it")
    given = options.parse_args()
    gateway = Gateway(given.environment)
    place = urllib.parse.urlsplit(gateway.url)
    names = [f"events {random.getrandbits(32):08x} {number}" for number in range(given.projects)]
    projects = [gateway.call("POST", "/v1/projects", {"project_name": name})["project_id"] for name in names]
    readers = [
        Reader(place.hostname, place.port, f"/v1/projects/{projects[number % given.projects]}/events", gateway.key)
        for number in range(given.readers)
    ]
    began = time.monotonic()
    for start in range(0, len(readers), 100):
        await asyncio.gather(*(reader.connect() for reader in readers[start : start + 100]))
    if not await until(60, lambda: all(reader.last is not None for reader in readers)):
        return f"{sum(reader.last is None for reader in readers)} streams did not begin"
    print(f"{len(readers)} streams are open after {time.monotonic() - began:.1f} s", flush=True)

    share = given.tasks // given.projects
    task = {"task_type": "chat", "input_data": {"prompt": "hello"}}
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    for project in projects:
        for start in range(0, share, 1000):
            tasks = [task] * min(1000, share - start)
            await loop.run_in_executor(None, gateway.call, "POST", f"/v1/projects/{project}/tasks", tasks)
    print(f"{share * given.projects} tasks are accepted after {time.monotonic() - began:.1f} s", flush=True)
    done = lambda: sum(reader.names["task.completed"] for reader in readers)
    everything = sum(share for _ in readers)
    if not await until(given.limit, lambda: done() >= everything * 0.4):
        return "the tasks do not run"
    gateway.note()
    pid = gateway.pid()
    print(f"SIG{given.signal} for the gateway after {time.monotonic() - began:.1f} s, {done()} of {everything} completions read", flush=True)
    os.kill(pid, getattr(signal, "SIG" + given.signal))
    isWhole = await until(given.limit, lambda: all(reader.names["task.completed"] >= share for reader in readers))
    took = time.monotonic() - began
    # What should not come would come now.
    await asyncio.sleep(2)
    gateway.note()
    for reader in readers:
        reader.isOver = True

    faults = []
    if gateway.pid() == pid:
        faults.append("the gateway was not restarted")
    if not isWhole:
        faults.append(f"{sum(reader.names['task.completed'] < share for reader in readers)} readers have not seen all tasks completed")
    for number, project in enumerate(projects):
        own = [reader for reader in readers if project in reader.path]
        lists = {reader.ids.tobytes() for reader in own}
        if len(lists) != 1:
            faults.append(f"project {number}: its readers saw {len(lists)} different sequences")
        for reader in own:
            if len(set(reader.ids)) != len(reader.ids) or reader.disorder:
                faults.append(f"project {number}: a reader saw an event twice, or out of order")
                break
        counts = own[0].names
        if any(counts[f"task.{status}"] < share for status in ["pending", "in_queue", "processing", "completed"]):
            faults.append(f"project {number}: {dict(counts)} for {share} tasks")
    events = sum(len(reader.ids) for reader in readers)
    print(f"{events} events read by {len(readers)} readers in {took:.1f} s ({events / took:.0f}/s)")
    print(f"connections a reader: {sum(r.connections for r in readers) / len(readers):.2f}; refused: {dict(sum((r.refusals for r in readers), collections.Counter()))}; resets: {sum(r.resets for r in readers)}")
    print(f"VmHWM of the gateways: {', '.join(f'{peak:.0f} MiB' for peak in gateway.peaks.values())}")
    if any(peak > 300 for peak in gateway.peaks.values()):
        faults.append("a gateway took more than 300 MiB")
    return "\n".join(faults)


fault = asyncio.run(main())
print(fault or "every reader got every event once, in order")
sys.exit(1 if fault else 0)
