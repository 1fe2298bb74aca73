"""A service that knows Chorus by README.md's "Over AMQP" alone: makes a project and tasks, and waits for their results."""

import json
import os
import uuid

import pika


class Chorus:
    """Sends messages, and waits for each one's answer."""

    def __init__(self, url, key):
        self.key = key
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.replies = self.channel.queue_declare("", exclusive=True).method.queue
        self.events = self.channel.queue_declare("", exclusive=True).method.queue

    def ask(self, kind, body, message_id=None):
        correlation = str(uuid.uuid4())
        properties = pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=message_id or str(uuid.uuid4()),
            correlation_id=correlation, reply_to=self.replies, headers={"authorization": f"Bearer {self.key}"})
        self.channel.basic_publish("chorus.intake", kind, json.dumps(body).encode(), properties)
        for method, answer, text in self.channel.consume(self.replies, inactivity_timeout=30):
            if method is None:
                raise TimeoutError(kind)
            self.channel.basic_ack(method.delivery_tag)
            if answer.correlation_id == correlation:
                self.channel.cancel()
                return answer.headers["status"], json.loads(text)

    def follow(self, project):
        self.channel.queue_bind(self.events, "chorus.events", f"task.*.{project}")

    def results(self, count):
        """The tasks that end, as they end."""
        for method, _, text in self.channel.consume(self.events, inactivity_timeout=60):
            if method is None:
                raise TimeoutError("results")
            self.channel.basic_ack(method.delivery_tag)
            if method.routing_key.split(".")[1] in ("completed", "failed", "cancelled"):
                yield json.loads(text)
                count -= 1
                if not count:
                    self.channel.cancel()
                    return


chorus = Chorus(os.environ["CHORUS_AMQP_URL"], os.environ["CHORUS_API_KEY"])
status, project = chorus.ask("project.create", {"project_name": f"Publisher {uuid.uuid4()}", "settings": {"events": True}})
assert status == 201, project
chorus.follow(project["project_id"])

task = {"project_id": project["project_id"], "task_type": "chat", "input_data": {"prompt": "Sing."}}
status, one = chorus.ask("task.create", task, message_id="the-first")
assert status == 201, one
status, again = chorus.ask("task.create", task, message_id="the-first")
assert (status, again["task_id"]) == (201, one["task_id"]), again
status, many = chorus.ask("task.create", [task] * 9)
assert (status, many["accepted"]) == (201, 9), many
status, problem = chorus.ask("task.create", {"task_type": "chat"})
assert status == 422, problem

expected = {one["task_id"], *many["task_ids"]}
results = {result["task_id"]: result for result in chorus.results(len(expected))}
assert set(results) == expected
for result in results.values():
    assert result["status"] == "completed" and result["output_data"]["text"], result
print(f"{len(results)} results, the first: {results[one['task_id']]['output_data']['text'][:60]!r}")
