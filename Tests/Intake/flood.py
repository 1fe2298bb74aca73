"""Sends Chorus messages at random and accounts for every one of them.

Each message carries its number as correlation_id and asks for an answer. In the end every number has one answer; those answered with an error
lie in chorus.intake.rejected, once, with the same reason; all tasks that were promised are completed, and no others are there.
"""

import argparse
import json
import os
import random
import struct
import sys
import time
import urllib.request
import uuid

import pika

REJECTED = "chorus.intake.rejected"
LIMIT = 1 << 20


class Raw(pika.BasicProperties):
    """Properties as bytes that no client makes."""

    def __init__(self, raw):
        super().__init__()
        self.raw = raw

    def encode(self):
        return [self.raw]


def deep_headers(key, number, replies):
    """Headers nested as deep as one frame holds, beside an answer's address."""
    short = lambda text: bytes([len(text)]) + text.encode()
    head = b"\x0dauthorizationS" + struct.pack(">I", len(key) + 7) + b"Bearer " + key.encode() + b"\x01h"
    levels = (131072 - 8 - 14 - 200 - len(head)) // 5
    nested = b"".join(b"A" + struct.pack(">I", (levels - 1 - level) * 5) for level in range(levels))
    table = head + nested
    flags = 1 << 13 | 1 << 10 | 1 << 9
    return Raw(struct.pack(">HI", flags, len(table)) + table + short(str(number)) + short(replies))


class Flood:
    def __init__(self, arguments, environment):
        self.random = random.Random(arguments.seed)
        self.environment = environment
        self.key = environment["CHORUS_API_KEY"]
        self.url = environment["CHORUS_URL"]
        self.connection = pika.BlockingConnection(pika.URLParameters(environment["CHORUS_AMQP_URL"]))
        self.channel = self.connection.channel()
        self.replies = self.channel.queue_declare("flood.replies", durable=False).method.queue
        # Another run on the same system has names of its own.
        self.run_id = uuid.uuid4().hex[:8]
        self.project = self.http("POST", "/v1/projects", {"project_name": f"Flood {self.run_id}"})["project_id"]
        self.must_work, self.must_fail, self.unreadable = set(), set(), 0

    def http(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    # What is sent

    def task(self, number):
        return {"project_id": self.project, "task_type": "chat", "priority": self.random.randrange(10),
                "input_data": {"prompt": f"Verse {number}"}}

    def message(self, number):
        """Routing key, properties, body, and whether it must work (None where nobody knows)."""
        chance = self.random
        kind, body, works = "task.create", self.task(number), True
        roll = chance.random()
        if roll < 0.05:
            body = [self.task(number) for _ in range(chance.randrange(1, 4))]
        elif roll < 0.08:
            kind, body = "project.create", {"project_name": f"Project {number} {uuid.uuid4()}"}
        body = json.dumps(body).encode()
        properties = pika.BasicProperties(
            content_type="application/json", correlation_id=str(number), reply_to=self.replies, delivery_mode=2,
            headers={"authorization": f"Bearer {self.key}"})
        if chance.random() < 0.5:
            properties.message_id = f"message {self.run_id} {number}"
        roll = chance.random()
        if roll < 0.45:
            pass
        elif roll < 0.55:
            body, works = self.flipped(body), None
        elif roll < 0.60:
            body, works = body[: chance.randrange(len(body))], False
        elif roll < 0.66:
            body, works = chance.randbytes(chance.randrange(3000)), False
        elif roll < 0.70:
            body, works = chance.choice([b"[", b'{"a":', b'"', b"9", b"\0", b"[[],"]) * chance.randrange(1, 40000), False
        elif roll < 0.75:
            kind, works = self.text(60) or "?", False
        elif roll < 0.80:
            properties.headers = {"authorization": chance.choice(["", "Bearer", "Bearer chs_no", 5, None, {"a": [1]}, "chs_x" * 50])}
            works = False
        elif roll < 0.86:
            properties.headers.update({self.text(20): self.value(4) for _ in range(chance.randrange(30))})
            properties.headers["authorization"] = f"Bearer {self.key}"
            for name in ("CC", "BCC"):
                properties.headers.pop(name, None)
        elif roll < 0.92:
            body, works = json.dumps(self.wrong(json.loads(body))).encode(), False
        elif roll < 0.96:
            properties.type, properties.app_id = self.text(60), self.text(60)
            properties.priority, properties.timestamp = chance.randrange(256), chance.randrange(1 << 40)
            properties.expiration = "86400000"
        elif roll < 0.98:
            properties.message_id, works = chance.choice(["ü", "\n", "x\0"]), False
        elif roll < 0.99:
            properties.content_type, works = chance.choice(["text/plain", "application/xml"]), False
        elif roll < 0.9995:
            properties.content_encoding, works = "gzip", False
        else:
            body, works = b" " * (LIMIT + 1), False
        return kind, properties, body, works

    def flipped(self, body):
        body = bytearray(body)
        for _ in range(self.random.randrange(1, 5)):
            body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        return bytes(body)

    def text(self, length):
        return "".join(chr(self.random.randrange(1, 0x250)) for _ in range(self.random.randrange(length // 4)))

    def value(self, depth):
        chance = self.random
        kinds = [lambda: self.text(200), lambda: chance.randrange(-1 << 62, 1 << 62), lambda: None, lambda: True,
                 lambda: chance.randbytes(50)]
        if depth:
            kinds += [lambda: [self.value(depth - 1) for _ in range(3)], lambda: {self.text(9): self.value(depth - 1) for _ in range(3)}]
        return chance.choice(kinds)()

    def wrong(self, body):
        if isinstance(body, list):
            return body + [self.random.choice([None, 3, "x", {}, []])]
        body = dict(body)
        body[self.random.choice(list(body))] = self.random.choice([None, -1, {}, [], "", 1e300])
        body["unknown"] = 1
        return body

    def send(self, count):
        for number in range(count):
            kind, properties, body, works = self.message(number)
            if works is not None:
                (self.must_work if works else self.must_fail).add(number)
            self.channel.basic_publish("chorus.intake", kind, body, properties)
            if number % 20 == 3 and works and properties.message_id:
                self.channel.basic_publish("chorus.intake", kind, body, properties)
            if number % 1000 == 999:
                self.connection.process_data_events(0)
        # What no client library makes: depth without end, a body of 20 MB, and properties that cannot be read.
        for number in range(count, count + 20):
            self.must_work.add(number)
            body = json.dumps(self.task(number)).encode()
            self.channel.basic_publish("chorus.intake", "task.create", body, deep_headers(self.key, number, self.replies))
        self.must_fail.add(count + 20)
        properties = pika.BasicProperties(
            correlation_id=str(count + 20), reply_to=self.replies, headers={"authorization": f"Bearer {self.key}"})
        self.channel.basic_publish("chorus.intake", "task.create", b" " * (20 << 20), properties)
        self.unreadable = 5
        for _ in range(self.unreadable):
            self.channel.basic_publish("chorus.intake", "task.create", b"{}", Raw(struct.pack(">H", 1)))
        return count + 21

    # What came of it

    def collect(self, queue, take, enough, limit):
        deadline = time.monotonic() + limit
        self.channel.basic_qos(prefetch_count=1000)
        for method, properties, body in self.channel.consume(queue, inactivity_timeout=1):
            if method is not None:
                take(properties, body)
                self.channel.basic_ack(method.delivery_tag)
            if enough() and method is None or time.monotonic() > deadline:
                break
        self.channel.cancel()

    def run(self, count):
        start = time.monotonic()
        total = self.send(count)
        sent = time.monotonic()
        answers, rejected, dead = {}, {}, []

        def answer(properties, body):
            answers.setdefault(int(properties.correlation_id), []).append((properties.headers["status"], body))

        def refused(properties, body):
            if "x-reason" in properties.headers:
                rejected.setdefault(int(properties.correlation_id), []).append((properties, body))
            else:
                dead.append(properties)

        self.collect(self.replies, answer, lambda: len(answers) == total, 900)
        answered = time.monotonic()
        wrong = {number for number, got in answers.items() if got[0][0] >= 400}
        self.collect(REJECTED, refused, lambda: len(rejected) >= len(wrong) and len(dead) >= self.unreadable, 120)

        promised = set()
        for got in answers.values():
            if got[0][0] < 400:
                body = json.loads(got[0][1])
                promised.update(body.get("task_ids") or [body["task_id"]] if "task_id" in body or "task_ids" in body else [])
        deadline = time.monotonic() + 600
        while True:
            stats = self.http("GET", f"/v1/projects/{self.project}/stats")
            if stats["tasks"]["completed"] >= len(promised) or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        done = time.monotonic()

        faults = []

        def expect(what, holds):
            if not holds:
                faults.append(what)

        expect("every message has an answer", set(answers) == set(range(total)))
        expect("all answers to one message are the same", all(len({body for _, body in got}) == 1 for got in answers.values()))
        expect("what is right is done", all(answers[n][0][0] < 400 for n in self.must_work & set(answers)))
        expect("what is wrong is refused", self.must_fail <= wrong)
        expect("no answer is a fault of ours", all(status < 500 for got in answers.values() for status, _ in got))
        expect("what is refused is kept", set(rejected) == wrong)
        expect("and once", all(len(copies) == 1 for copies in rejected.values()))
        expect("with its reason", all(json.loads(c[0][0].headers["x-reason"])["status"] == answers[n][0][0] for n, c in rejected.items()))
        expect("and no credential", not any(self.key in str(c[0][0].headers) for c in rejected.values()))
        expect("what cannot be read is with them", len(dead) == self.unreadable)
        expect("all promised tasks are completed", stats["tasks"]["completed"] == len(promised))
        expect("and there are no others", stats["total"] == len(promised))
        for queue in ("chorus.intake", REJECTED):
            expect(f"{queue} is empty", self.channel.queue_declare(queue, passive=True).method.message_count == 0)
        pid = self.environment["CHORUS_GATEWAY_PID"]
        expect("the gateway is the one that it was", read(self.environment["file"])["CHORUS_GATEWAY_PID"] == pid)
        peak = next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))

        print(f"{total + self.unreadable} messages: {total - len(wrong)} done, {len(wrong)} refused, {len(dead)} unreadable")
        print(f"{len(promised)} tasks completed")
        print(f"sent in {sent - start:.1f} s, answered after {answered - start:.1f} s ({total / (answered - start):.0f} a second), "
              f"all completed after {done - start:.1f} s; the gateway's memory was {int(peak) // 1024} MiB at most")
        for fault in faults:
            print(f"does not hold: {fault}")
        return not faults


def read(path):
    lines = (line.strip().split("=", 1) for line in open(path) if "=" in line)
    return {"file": path, **{name: value.strip("'\"") for name, value in lines}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", required=True, help="the file that `chorus dev` writes")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    sys.exit(0 if Flood(arguments, read(arguments.environment)).run(arguments.messages) else 1)


main()
