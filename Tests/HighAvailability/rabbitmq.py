"""RabbitMQ nodes as private processes, three of them as a rule, configured by deploy/cluster."""

import base64
import json
import os
import secrets
import urllib.request

from processes import Fault, is_open, say, until

CLUSTER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../deploy/cluster"))
PROGRAMS = "/usr/lib/rabbitmq/bin"


class Node:
    def __init__(self, cluster, number, ports):
        self.cluster, self.number = cluster, number
        self.port, self.distribution, self.management = ports
        self.name = f"r{number}@localhost"
        self.folder = cluster.run.make_folder(f"r{number}")
        self.process = None

    @property
    def environment(self):
        cluster = self.cluster
        return {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": cluster.home, "ERL_EPMD_PORT": str(cluster.mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "RUNNING_UNDER_SYSTEMD": "true", "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_MNESIA_BASE": f"{self.folder}/mnesia", "RABBITMQ_LOG_BASE": f"{self.folder}/log",
            "RABBITMQ_PID_FILE": f"{self.folder}/pid", "RABBITMQ_CONFIG_FILES": f"{self.folder}/conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.folder}/enabled_plugins", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def configure(self):
        run = self.cluster.run
        run.make_folder(f"r{self.number}", "conf")
        with open(f"{CLUSTER}/rabbitmq.conf") as file:
            shared = [line for line in file if not line.startswith(("cluster_formation.classic_config", "load_definitions"))]
        run.write(f"{self.folder}/conf/10-chorus.conf", "".join(shared))
        own = [
            f"load_definitions = {run.path('definitions.json')}", f"listeners.tcp.1 = 127.0.0.1:{self.port}",
            "management.tcp.ip = 127.0.0.1", f"management.tcp.port = {self.management}", "vm_memory_high_watermark.absolute = 512MB",
            "disk_free_limit.absolute = 50MB", "log.console = true", "log.file = false",
        ]
        own += [f"cluster_formation.classic_config.nodes.{node.number} = {node.name}" for node in self.cluster.nodes]
        run.write(f"{self.folder}/conf/20-private.conf", "\n".join(own) + "\n")
        run.write(f"{self.folder}/enabled_plugins", "[rabbitmq_management].\n")

    def start(self):
        self.process = self.cluster.run.start(
            f"rabbitmq-{self.number}", [f"{PROGRAMS}/rabbitmq-server"], as_server=True, environment=self.environment)

    def control(self, *arguments):
        return self.cluster.run.call(
            [f"{PROGRAMS}/rabbitmqctl", "-q", "-n", self.name, *arguments], as_server=True, environment=self.environment)

    def get(self, path):
        """From the management API; nil where the node does not answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.management}/api{path}")
        request.add_header("Authorization", "Basic " + base64.b64encode(f"chorus:{self.cluster.password}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    @property
    def runs(self):
        return self.process is not None and self.process.is_running and is_open(self.port)


class RabbitMQCluster:
    def __init__(self, run, size=3):
        self.run = run
        self.password = secrets.token_hex(16)
        self.home = run.make_folder("rabbitmq")
        run.write(f"{self.home}/.erlang.cookie", secrets.token_hex(16), mode=0o400)
        [self.mapper] = run.ports(1)
        self.nodes = [Node(self, number, run.ports(3)) for number in range(1, size + 1)]
        with open(f"{CLUSTER}/definitions.json") as file:
            run.write(run.path("definitions.json"), file.read())

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"amqp://chorus:{self.password}@{hosts}/"

    def start(self):
        environment = self.nodes[0].environment
        self.run.start(
            "epmd", ["epmd", "-address", "127.0.0.1", "-port", str(self.mapper)], as_server=True, environment=environment)
        until("Erlang's port mapper listens", 10, lambda: is_open(self.mapper))
        for node in self.nodes:
            node.configure()
            node.start()
        until("the brokers listen", 120, lambda: all(node.runs for node in self.nodes))
        self.nodes[0].control("add_user", "chorus", self.password)
        self.nodes[0].control("set_user_tags", "chorus", "monitoring")
        self.nodes[0].control("set_permissions", "chorus", ".*", ".*", ".*")
        until("the brokers are one cluster", 60, lambda: self.running_nodes() == len(self.nodes))
        say(f"RabbitMQ {self.any().get('/overview')['rabbitmq_version']}, nodes in the cluster: {len(self.nodes)}")

    def any(self):
        found = next((node for node in self.nodes if node.runs), None)
        if found is None:
            raise Fault("no broker runs")
        return found

    def running_nodes(self):
        nodes = self.any().get("/nodes") or []
        return sum(node.get("running", False) for node in nodes)

    def queues(self):
        """The queues of Chorus."""
        return [queue for queue in self.any().get("/queues?disable_stats=true&enable_queue_totals=true") or [] if queue["name"].startswith("chorus.")]

    def messages(self, name):
        return sum(queue.get("messages", 0) for queue in self.queues() if queue["name"] == name)

    def leaders(self):
        """How many queues each node leads."""
        counts = {node.name: 0 for node in self.nodes}
        for queue in self.queues():
            counts[queue.get("leader") or queue.get("node")] = counts.get(queue.get("leader") or queue.get("node"), 0) + 1
        return counts

    def connections(self):
        """How many connections each node holds."""
        counts = {node.name: 0 for node in self.nodes}
        for connection in self.any().get("/connections") or []:
            counts[connection["node"]] += 1
        return counts

    def wait_until_whole(self, limit=90):
        """Until every queue has all its members again."""
        count = len(self.nodes)
        until("every node runs", limit, lambda: all(node.runs for node in self.nodes) and self.running_nodes() == count)
        until(
            "every queue has all its members", limit,
            lambda: self.queues() and all(len(queue.get("online", [])) == count for queue in self.queues()))
