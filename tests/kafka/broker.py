"""Apache Kafka on this machine: one broker or several, for tests and for `make kafka-up`.

A cluster lives in one directory: cluster.json (ports, cluster id), address (while it runs), and for each broker its properties, data, log
and pid. Whoever knows the directory can look at it or stop it, from any process; nothing is ever found by its name, and a pid counts only
while the process that has it was started with this directory's properties. Every broker is a controller too (KRaft, combined mode).

The jars come from Maven Central, as pom.xml beside this file says, once, into build/kafka/jars (KSTREAMS_KAFKA_JARS names another place).

Ports are chosen by binding them, below the range from which the system takes ports for outgoing connections. From that range would be
tempting, and go wrong: while a broker is down its clients knock at its port again and again, until one is given that very port for its
own end, is connected to itself, and the broker cannot come back.

    with broker.started(brokers=3) as cluster:      # in a directory that vanishes with it
        cluster.bootstrap                           # "127.0.0.1:20111,127.0.0.1:20112,127.0.0.1:20113"
        cluster.kill(1); cluster.restart(1)         # brokers count from 1
        cluster.pause(2); cluster.resume(2)         # SIGSTOP, SIGCONT
"""
import base64
import contextlib
import fcntl
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import network
import protocol

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POM = HERE / "pom.xml"
START_SECONDS, STOP_SECONDS = 240, 60

# What differs from Kafka's defaults: one machine, small tests, and failures that are found soon. Topics are made by whoever needs them.
# A broker that was killed is let in again only when the session of its predecessor is over: that is kept short.
PROPERTIES = {
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "offsets.topic.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "transaction.state.log.num.partitions": "4",
}


# A partition without leader is a deleted one to a transaction coordinator of Kafka (seen in 4.3.1, which says so in its log): a transaction that
# ends in such a moment is over for the coordinator, and the partition never learns how. Readers wait for it for ever, or until the next transaction
# of that producer ends, whose outcome then counts for both: what was aborted is there, what was committed is gone. A single broker has such moments
# whenever it stops, starts again or stands still; three of which one at a time is missing have none.
FORGOTTEN = "while trying to send transaction markers"


class BrokerError(Exception):
    """A broker that should run does not."""


class Unavailable(BrokerError):
    """Java or the jars are not to be had here: a test says so and counts as skipped."""


def fetch_jars():
    """The folder with Kafka's jars; Maven fetches them when they are not there or when pom.xml has changed."""
    folder = pathlib.Path(os.environ.get("KSTREAMS_KAFKA_JARS") or ROOT / "build/kafka/jars").absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "pom.xml").exists() and (folder / "pom.xml").read_bytes() == POM.read_bytes():
            return folder
        if not shutil.which("mvn"):
            raise Unavailable("Kafka's jars come through Maven, which is not installed; 'scripts/install-deps kafka' installs it")
        print(f"kafka: Maven fetches Apache Kafka's jars into {folder}", file=sys.stderr, flush=True)
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime",
                               f"-DoutputDirectory={new}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"Maven could not fetch Kafka's jars: {first_line_with('ERROR', done.stdout)}")
        shutil.copy(POM, new / "pom.xml")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
        return folder


def first_line_with(word, text):
    lines = text.strip().splitlines()
    return next((line for line in lines if word in line), lines[-1] if lines else "it printed nothing")


def java(heap_mb, *arguments):
    if not shutil.which("java"):
        raise Unavailable("a broker needs Java (17 or later), which is not installed; 'scripts/install-deps kafka' installs it")
    return ["java", f"-Xmx{heap_mb}m", "-Xms64m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS", "-cp", f"{fetch_jars()}/*", *arguments]


def is_free(port):
    with socket.socket() as probe:
        # As the broker does: connections of an earlier one that are still in TIME_WAIT are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(taken):
    try:
        end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:
        end = 32768
    for _ in range(1000):
        port = random.randrange(10000, end) if end > 11000 else random.randrange(10000, 65536)
        if port not in taken and is_free(port):
            return port
    raise BrokerError("no port is free")


def next_free_port(first, taken):
    for port in range(first, 65536):
        if port not in taken and is_free(port):
            return port
    raise BrokerError(f"no port from {first} on is free")


class Broker:
    """One process of a cluster; its folder holds everything it writes."""

    def __init__(self, cluster, number, port, controller_port):
        self.cluster, self.number, self.port, self.controller_port = cluster, number, port, controller_port
        self.network_ports = []  # where it listens for each network
        self.folder = cluster.folder / f"broker-{number}"
        self.properties = self.folder / "server.properties"
        self.log = self.folder / "broker.log"
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        """Of the running process; None when it does not run."""
        if self.process is not None:
            return self.process.pid if self.process.poll() is None else None
        try:
            pid = int((self.folder / "pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        found = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout
        return pid if str(self.properties) in found else None

    def listeners(self):
        """Name, port and advertised port of each listener for clients."""
        networks = zip(self.cluster.networks, self.network_ports)
        return [("PLAINTEXT", self.port, self.port),
                *((f"NETWORK_{i}", port, network.ports[self.number - 1]) for i, (network, port) in enumerate(networks))]

    def write_properties(self):
        voters = ",".join(f"{other.number}@127.0.0.1:{other.controller_port}" for other in self.cluster.brokers)
        replicas = min(3, len(self.cluster.brokers))
        listeners = self.listeners()
        settings = {
            **PROPERTIES,
            "default.replication.factor": replicas,
            "min.insync.replicas": max(1, replicas - 1),
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            **self.cluster.properties,
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in ("CONTROLLER", *(name for name, _, _ in listeners))),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port, _ in (*listeners, ("CONTROLLER", self.controller_port, 0))),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, _, port in listeners),
            "log.dirs": self.folder / "data",
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        self.properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")

    def format(self):
        if (self.folder / "data/meta.properties").exists():
            return
        done = subprocess.run(java(128, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format",
                                   f"--cluster-id={self.cluster.cluster_id}", "--config", self.properties),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise BrokerError(f"the storage of broker {self.number} could not be formatted: {first_line_with('rror', done.stdout)}")

    def spawn(self):
        # The second compiler costs a start two seconds of processor time, and gives them back only to who stays long.
        compiler = ["-XX:TieredStopAtLevel=1"] if self.cluster.brief else []
        command = java(self.cluster.heap_mb, *compiler, "kafka.Kafka", str(self.properties))
        if self.cluster.owned and shutil.which("setpriv"):
            # Whatever ends this process ends its broker too. (The signal comes when the starting *thread* ends: start from the main one.)
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        (self.folder / "pid").write_text(f"{self.process.pid}\n", encoding="ascii")

    def send_signal(self, number):
        pid = self.pid
        if pid is None:
            raise BrokerError(f"broker {self.number} does not run")
        os.kill(pid, number)

    def end(self, number):
        """Sends the signal and waits until the process is gone; a broker that does not end in time is killed."""
        if self.pid is not None:
            self.send_signal(number)
            if not wait_for(lambda: self.pid is None, STOP_SECONDS):
                self.send_signal(signal.SIGKILL)
                wait_for(lambda: self.pid is None, STOP_SECONDS)
        self.process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def why_it_ended(self):
        text = self.log.read_text(encoding="utf-8", errors="replace")[-100_000:] if self.log.exists() else ""
        return f"broker {self.number} ended: {first_line_with('xception', text)}; see {self.log}"


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Cluster:
    """Brokers below one directory. brief: they are for a short while. owned: they end with the process that started them.
    networks: through which they can be reached as well; see network.py."""

    def __init__(self, folder, brokers=1, properties=None, heap_mb=512, brief=False, owned=False, networks=()):
        self.folder = pathlib.Path(folder).absolute()
        self.networks = networks
        self.properties, self.heap_mb, self.brief, self.owned = properties or {}, heap_mb, brief, owned
        self.cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        self.brokers = [Broker(self, number + 1, None, None) for number in range(brokers)]

    @classmethod
    def at(cls, folder):
        """The cluster of an earlier start in this directory; None when there was none."""
        try:
            found = json.loads((pathlib.Path(folder) / "cluster.json").read_text(encoding="utf-8"))
        except OSError:
            return None
        cluster = cls(folder, 0, found["properties"], found["heap_mb"], found.get("brief", False))
        cluster.cluster_id = found["cluster_id"]
        cluster.brokers = [Broker(cluster, number + 1, *ports) for number, ports in enumerate(found["ports"])]
        return cluster

    def save(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / "cluster.json.new"
        new.write_text(json.dumps({
            "cluster_id": self.cluster_id, "properties": self.properties, "heap_mb": self.heap_mb, "brief": self.brief,
            "ports": [[broker.port, broker.controller_port] for broker in self.brokers]}), encoding="utf-8")
        new.rename(self.folder / "cluster.json")

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    @property
    def addresses(self):
        return [broker.address for broker in self.brokers]

    @property
    def is_running(self):
        return any(broker.pid for broker in self.brokers)

    def broker(self, number):
        return self.brokers[number - 1]

    def choose_ports(self, first_port):
        """Those of an earlier start where they are still free, so that an address stays what it was."""
        taken = set()

        def choose(before, choice):
            port = before if before and before not in taken and is_free(before) else choice()
            taken.add(port)
            return port

        for broker in self.brokers:
            broker.port = choose(broker.port, lambda: next_free_port(first_port, taken) if first_port else choose_port(taken))
            broker.controller_port = choose(broker.controller_port, lambda: choose_port(taken))
            broker.network_ports = [choose(None, lambda: choose_port(taken)) for _ in self.networks]

    def start(self, first_port=None):
        """Starts all brokers and waits until each answers and knows the others. first_port: the free ones from there on; else any."""
        attempts = 3
        while True:
            self.choose_ports(first_port)
            self.save()
            try:
                for broker in self.brokers:
                    broker.write_properties()
                    broker.format()
                    broker.spawn()
                self.wait_until_ready()
                (self.folder / "address").write_text(f"{self.bootstrap}\n", encoding="ascii")
                return self
            except BrokerError as error:
                self.stop()
                attempts -= 1
                # Somebody else may take a port between our look at it and the broker's bind.
                if attempts == 0 or "BindException" not in str(error):
                    raise

    def wait_until_ready(self, seconds=START_SECONDS):
        """Waits until each running broker answers and knows of all that run."""
        running = [broker for broker in self.brokers if broker.process or broker.pid]
        addresses = {broker.number: broker.address for broker in running}
        end = time.monotonic() + seconds
        for broker in running:
            while True:
                if broker.pid is None:
                    raise BrokerError(broker.why_it_ended())
                try:
                    known = protocol.metadata(broker.address)["brokers"]
                    if addresses.items() <= known.items():
                        break
                    state = f"knows only of {sorted(known)}"
                except (OSError, protocol.ProtocolError) as error:
                    state = f"does not answer: {error}"
                if time.monotonic() > end:
                    raise BrokerError(f"after {seconds} s broker {broker.number} at {broker.address} {state}; see {broker.log}")
                time.sleep(0.05)

    def stop(self, number=None):
        """Stops one broker or all of them as an operator would: they write down what they have, and leave."""
        chosen = [self.broker(number)] if number else self.brokers
        if not number:
            (self.folder / "address").unlink(missing_ok=True)
        for broker in chosen:
            if broker.pid:
                broker.send_signal(signal.SIGCONT)
                broker.send_signal(signal.SIGTERM)
        for broker in chosen:
            broker.end(signal.SIGTERM)

    def kill(self, number):
        self.broker(number).end(signal.SIGKILL)

    def restart(self, number):
        """Starts a broker that was stopped or killed, at the same address; one that runs is stopped first."""
        broker = self.broker(number)
        if broker.pid:
            self.stop(number)
        broker.spawn()
        self.wait_until_ready()

    def forgotten_transactions(self):
        """What the brokers say of transactions that are over without their partitions knowing it; see FORGOTTEN."""
        return [line for broker in self.brokers if broker.log.exists()
                for line in broker.log.read_text(encoding="utf-8", errors="replace").splitlines() if FORGOTTEN in line]

    def pause(self, number):
        self.broker(number).send_signal(signal.SIGSTOP)

    def resume(self, number):
        self.broker(number).send_signal(signal.SIGCONT)

    def remove(self):
        """Forgets what a stopped cluster holds."""
        for broker in self.brokers:
            shutil.rmtree(broker.folder, ignore_errors=True)
        (self.folder / "cluster.json").unlink(missing_ok=True)

    def create_topic(self, name, partitions=1, **options):
        """Returns when every running broker knows the topic and who leads its partitions."""
        protocol.create_topic(self.brokers[0].address, name, partitions, **options)

        def is_known(broker):
            leaders = protocol.metadata(broker.address)["topics"].get(name, {})
            return len(leaders) == partitions and min(leaders.values()) > 0

        if not wait_for(lambda: all(is_known(broker) for broker in self.brokers if broker.pid), START_SECONDS):
            raise BrokerError(f"after {START_SECONDS} s not all brokers know the topic {name}")

    def topics(self):
        return protocol.metadata(self.brokers[0].address)["topics"]


@contextlib.contextmanager
def started(brokers=1, properties=None, heap_mb=512, brief=True, networks=0):
    """A cluster for one test, gone with everything it wrote when the block ends. networks: so many of them lead to it."""
    with tempfile.TemporaryDirectory(prefix="kstreams-kafka-") as folder, contextlib.ExitStack() as stack:
        ways = [network.Network([choose_port(()) for _ in range(brokers)]) for _ in range(networks)]
        for way in ways:
            stack.callback(way.close)
        cluster = Cluster(folder, brokers, properties, heap_mb, brief, owned=True, networks=ways)
        try:
            cluster.start()
            for index, way in enumerate(ways):
                way.connect([broker.network_ports[index] for broker in cluster.brokers])
            yield cluster
        finally:
            # Nobody wants what they would write down; and the last of several would wait in vain for the others' leave to go.
            for number in range(1, brokers + 1):
                cluster.kill(number)
