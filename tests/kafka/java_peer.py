# SPDX-License-Identifier: Apache-2.0
"""java_peer: Java's clients and Java's Kafka Streams, for tests and benchmarks that stand beside them.

build() fetches Kafka's jars and compiles java/src once, into build/kafka-java, and again when pom.xml or a source changed. TopicTool asks a
cluster through Java's clients, so that what a test believes does not come from the library it tests. Application runs PeerApp or a program
with the same command line until it is told to stop.
"""
import contextlib
import fcntl
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "build/kafka-java"
PATIENCE_S = 60


class Failure(Exception):
    """Something that was waited for did not happen, or was refused."""


class Missing(Exception):
    """Java or Maven is not here: a test that needs them is skipped."""


def need(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise Missing(f"{', '.join(missing)} is not installed ('scripts/install-deps java' installs a JDK and Maven)")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def fetch_jars():
    pom, jars = HERE / "java/pom.xml", FOLDER / "jars"
    if jars.exists() and (jars / "pom.xml").read_bytes() == pom.read_bytes():
        return
    need("mvn")
    fresh = FOLDER / "jars.new"
    shutil.rmtree(fresh, ignore_errors=True)
    run("mvn", "-q", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={fresh}")
    shutil.copy(pom, fresh / "pom.xml")
    shutil.rmtree(jars, ignore_errors=True)
    fresh.rename(jars)


def compile_sources():
    sources, classes = sorted((HERE / "java/src").glob("*.java")), FOLDER / "classes"
    if classes.exists() and all(classes.stat().st_mtime > source.stat().st_mtime for source in sources):
        return
    need("javac")
    fresh = FOLDER / "classes.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    run("javac", "-nowarn", "-Xlint:none", "-cp", f"{FOLDER}/jars/*", "-d", fresh, *sources)
    shutil.rmtree(classes, ignore_errors=True)
    fresh.rename(classes)


def build():
    """Everything java() needs. Folders are renamed when complete, and one process at a time makes them."""
    need("java")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fetch_jars()
        compile_sources()


def java(main, *arguments, heap="256m"):
    """The command line of a main class."""
    return ["java", f"-Xmx{heap}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{FOLDER}/classes:{FOLDER}/jars/*", main,
            *map(str, arguments)]


def wait_for(condition, what, seconds=PATIENCE_S):
    """Asks until it is true; its last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.05)


def to_hex(value):
    return "-" if value is None else (value.encode() if isinstance(value, str) else value).hex()


def of_hex(field):
    return None if field == "-" else bytes.fromhex(field)


class TopicTool:
    """A cluster, as Java's clients see it."""

    def __init__(self, bootstrap, heap="256m"):
        self.process = subprocess.Popen(java("TopicTool", bootstrap, heap=heap), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()

    def write(self, *fields):
        self.process.stdin.write("\t".join(map(str, fields)) + "\n")

    def ask(self, *fields):
        """The lines of the answer, each a list of fields."""
        self.write(*fields)
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            parts = line.rstrip("\n").split("\t")
            if parts == ["ok"]:
                return lines
            if parts[0] == "error":
                raise Failure(f"{' '.join(map(str, fields))}: {parts[1]}")
            lines.append(parts)
        raise Failure(f"TopicTool ended at {fields}")

    def create(self, topic, partitions, **configs):
        self.ask("create", topic, partitions, *(f"{name.replace('_', '.')}={value}" for name, value in configs.items()))

    def delete(self, *topics):
        self.ask("delete", *topics)

    def topics(self):
        """Partition counts by name."""
        return {name: int(partitions) for name, partitions in self.ask("topics")}

    def configs(self, topic):
        """What the topic itself has configured."""
        return dict(self.ask("configs", topic))

    def produce(self, topic, records):
        """Records of (partition or None, timestamp, key, value), texts or bytes."""
        for partition, timestamp, key, value in records:
            self.write("produce", topic, -1 if partition is None else partition, timestamp, to_hex(key), to_hex(value))
        self.ask("flush")

    def read(self, topic, isolation="read_committed"):
        """All records, as (partition, offset, timestamp, key, value, headers); offsets ascend within a partition."""
        return [(int(fields[0]), int(fields[1]), int(fields[2]), of_hex(fields[3]), of_hex(fields[4]),
                 [(name, of_hex(value)) for name, value in (field.rsplit("=", 1) for field in fields[5:])])
                for fields in self.ask("read", topic, isolation)]

    def open_transactions(self, topic):
        """Those that are not over: (partition, offset of its first record there, producer id, epoch)."""
        return [tuple(map(int, fields)) for fields in self.ask("open", topic)]

    def lagging(self):
        """Partitions of which not all replicas are in sync: (topic, partition)."""
        return [(topic, int(partition)) for topic, partition in self.ask("lagging")]

    def transactions(self):
        """All that the coordinators know: (transactional id, state, producer id)."""
        return [tuple(fields) for fields in self.ask("transactions")]

    def last_values(self, topic):
        """The last value of each key, deleted ones left out."""
        last = {record[3]: record[4] for record in self.read(topic)}
        return {key: value for key, value in last.items() if value is not None}

    def digest(self, topic):
        results, outputs, size, digest = self.ask("digest", topic)[0]
        return {"results": int(results), "outputs": int(outputs), "bytes_out": int(size), "digest": digest}

    def offsets(self, group):
        """What a group committed: (offset, metadata) by (topic, partition)."""
        return {(fields[0], int(fields[1])): (int(fields[2]), fields[3] if len(fields) > 3 else "")
                for fields in self.ask("offsets", group)}

    def member_count(self, group):
        return int(self.ask("members", group)[0][0])


class Application:
    """A process that prints RUNNING when it runs and closes on SIGTERM. Its other output goes to a file."""

    def __init__(self, command, log):
        self.log = pathlib.Path(log)
        self.lines = queue.Queue()
        self.stderr = self.log.open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.stderr, text=True)
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def drain(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.stderr.close()

    def tail(self):
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])

    def wait_until_running(self, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while True:
            line = None
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
                if line is None:
                    raise Failure(f"{self.process.args[0]} ended with status {self.process.wait()} before it ran:\n{self.tail()}")
            if line == "RUNNING":
                return
            if time.monotonic() > end:
                raise Failure(f"{self.process.args[0]} does not run after {seconds} s:\n{self.tail()}")

    def stop_hard(self):
        """As a crash would: nothing is written, nobody is told."""
        self.process.kill()
        self.process.wait()

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE_S):
        """Closes it. A status that is not 0 is a failure."""
        self.process.send_signal(number)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as expired:
            raise Failure(f"{self.process.args[0]} does not end within {seconds} s of signal {number}:\n{self.tail()}") from expired
        if status != 0:
            raise Failure(f"{self.process.args[0]} ended with status {status}:\n{self.tail()}")


def write_properties(path, **properties):
    """A file that Java and the library read alike; underscores stand for dots."""
    lines = [f"{name.replace('_', '.')}={value}\n" for name, value in properties.items()]
    pathlib.Path(path).write_text("".join(lines), encoding="utf-8")
    return os.fspath(path)
