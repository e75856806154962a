#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_interop: Java's Kafka Streams and ours take turns under one application.id on the same topics.

One engine runs over a part of the input, closes and leaves; the other finds its changelogs, repartition topics and committed offsets, restores
(its state directory is empty) and goes on. What must then be in the topics is counted here, from the input.

Each topology is handed over in both directions, at least once one way and exactly once the other; with KSTREAMS_SOAK=1 both both ways.
"""
import base64
import collections
import os
import random
import struct
import tempfile
import time
import unittest

import cluster
import java_peer
from java_peer import Application, TopicTool, java, wait_for, write_properties

PARTITIONS = 4
RECORDS = 2000
TEAMS = ["amber", "birch", "cedar", "dune", "elm", "fern", "grove", "heath", "iris", "juniper", "aspen", "beech"]
GUARANTEES = ("at_least_once", "exactly_once_v2")


def numbers(table):
    """What is in a topic of counts or sums; a group that everything has left may be there with 0, or not."""
    return {key.decode(): struct.unpack(">q", value)[0] for key, value in table.items() if value != bytes(8)}


def expected_count(records):
    return {"out": collections.Counter(key for _, _, key, _ in records)}


def expected_repartition(records):
    lengths = collections.Counter()
    for _, _, _, word in records:
        lengths[word[0]] += len(word)
    return {"out": collections.Counter(word for _, _, _, word in records), "lengths": lengths}


def expected_table(records):
    lengths, teams = collections.Counter(), {key: team for _, _, key, team in records}
    for member, team in teams.items():
        lengths[team] += len(member)
    return {"out": collections.Counter(teams.values()), "lengths": lengths}


EXPECTED = {"count": expected_count, "repartition": expected_repartition, "table": expected_table}


def partition_time(metadata):
    """The partition time in what is committed beside an offset: magic 2, then eight bytes."""
    decoded = base64.b64decode(metadata)
    if decoded[0] != 2:
        raise AssertionError(f"metadata {metadata} has magic {decoded[0]}")
    return struct.unpack(">q", decoded[1:9])[0]


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bootstrap = cluster.address()
        cls.programs = {"java": lambda *arguments: java("PeerApp", *arguments),
                        "ours": lambda *arguments: [cluster.program("interop_app"), *arguments]}
        cls.tool = TopicTool(cls.bootstrap)
        cls.addClassCleanup(cls.tool.__exit__)
        cls.seed = int(os.environ.get("KSTREAMS_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"seed {cls.seed} (KSTREAMS_TEST_SEED sets it)", flush=True)

    def setUp(self):
        self.random = random.Random(f"{self.seed} {self.id()}")
        self.start_ms = int(time.time() * 1000) - 3_600_000
        self.records = []
        folder = tempfile.TemporaryDirectory(prefix="interop-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def make_topics(self, name):
        """Topics that no other test has; they are deleted with what the applications made."""
        self.prefix = f"{name}-{self.random.randrange(1 << 32):08x}-"
        for topic in ("in", "out", "lengths"):
            self.tool.create(self.prefix + topic, PARTITIONS)
        self.addCleanup(lambda: self.tool.delete(*(topic for topic in self.tool.topics() if topic.startswith(self.prefix))))

    def topic(self, name):
        return self.prefix + name

    def application_id(self):
        return f"{self.prefix}app"

    def application(self, engine, topology, guarantee, **properties):
        state = tempfile.mkdtemp(prefix=f"{engine}-", dir=self.folder)
        path = write_properties(f"{state}.properties", **{
            "application_id": self.application_id(), "bootstrap_servers": self.bootstrap, "state_dir": state, "processing_guarantee": guarantee,
            "commit_interval_ms": 100, "auto_offset_reset": "earliest", **properties})
        return Application(self.programs[engine](topology, self.prefix, path), f"{self.folder}/{engine}.log")

    def add_records(self, count):
        """More input, each partition in the order of its timestamps."""
        first = len(self.records)
        fresh = [(None, self.start_ms + 1000 * (first + i), f"member-{self.random.randrange(300)}", self.random.choice(TEAMS))
                 for i in range(count)]
        self.tool.produce(self.topic("in"), fresh)
        self.records += fresh

    def results(self, topics):
        return {topic: numbers(self.tool.last_values(self.topic(topic))) for topic in topics}

    def run_part(self, engine, topology, guarantee):
        """One engine runs until the results are those of all records so far, and closes."""
        expected = EXPECTED[topology](self.records)
        with self.application(engine, topology, guarantee) as application:
            application.wait_until_running()
            wait_for(lambda: self.results(expected) == expected, lambda: f"{engine}: {self.difference(expected)}\n{application.tail()}")
            application.stop()
        self.assertEqual(self.tool.member_count(self.application_id()), 0, f"{engine} is still a member of its group")
        self.assertEqual(self.results(expected), expected)
        self.check_offsets()

    def difference(self, expected):
        actual = self.results(expected)
        return "; ".join(f"{topic} {key}: {actual[topic].get(key)} instead of {expected[topic].get(key)}"
                         for topic in expected for key in sorted({*expected[topic], *actual[topic]})
                         if actual[topic].get(key) != expected[topic].get(key))[:500]

    def check_offsets(self):
        """All of the input is committed, and beside each offset stands the highest timestamp before it."""
        ends, times = collections.Counter(), {}
        for partition, _, timestamp, _, _, _ in self.tool.read(self.topic("in")):
            ends[partition] += 1
            times[partition] = max(timestamp, times.get(partition, -1))
        committed = self.tool.offsets(self.application_id())
        for partition, end in ends.items():
            offset, metadata = committed[self.topic("in"), partition]
            self.assertEqual(offset, end)
            self.assertEqual(partition_time(metadata), times[partition])

    def take_turns(self, topology, guarantee, *engines):
        self.make_topics(topology)
        for engine in engines:
            self.add_records(RECORDS)
            self.run_part(engine, topology, guarantee)

    def shape(self, topology, engine):
        """Names, partition counts and configurations of the internal topics that an engine makes."""
        self.make_topics(f"shape-{topology}-{engine}")
        with self.application(engine, topology, "at_least_once") as application:
            application.wait_until_running()
            application.stop()
        internal = self.application_id() + "-"
        return {topic.removeprefix(internal): (partitions, self.tool.configs(topic))
                for topic, partitions in self.tool.topics().items() if topic.startswith(internal)}

    def test_internal_topics_are_those_that_java_makes(self):
        for topology, count in (("count", 1), ("repartition", 4), ("table", 4)):
            with self.subTest(topology):
                javas = self.shape(topology, "java")
                self.assertEqual(len(javas), count)
                self.assertEqual(self.shape(topology, self.other()), javas)

    def test_the_partition_time_survives_in_the_metadata_of_an_offset(self):
        for first, second in (("java", self.other()), (self.other(), "java")):
            with self.subTest(first=first):
                self.make_topics(f"times-{first}")
                late = self.start_ms + 5_000_000
                for engine, timestamp, value in ((first, late, "timed"), (second, self.start_ms, "untimed")):
                    self.tool.produce(self.topic("in"), [(partition, timestamp + partition, "k", value) for partition in range(PARTITIONS)])
                    with self.application(engine, "times", "at_least_once") as application:
                        application.wait_until_running()
                        found = wait_for(lambda sent=value: self.sent(sent), f"{engine}: {value} records in {self.topic('out')}")
                        application.stop()
                    self.assertEqual(found, sorted(late + partition for partition in range(PARTITIONS)))

    def sent(self, value):
        """The timestamps of these records in the output, when there is one of each partition."""
        found = [record[2] for record in self.tool.read(self.topic("out")) if record[4] == value.encode()]
        return sorted(found) if len(found) == PARTITIONS else None

    @staticmethod
    def other():
        """The engine beside Java. KSTREAMS_INTEROP_OURS=java tests the test: Java beside Java must pass."""
        return os.environ.get("KSTREAMS_INTEROP_OURS", "ours")


def add_turns():
    for topology in EXPECTED:
        for guarantee in GUARANTEES:
            for first, second in (("java", "ours"), ("ours", "java")):
                if (first == "java") == (guarantee == "exactly_once_v2") and not os.environ.get("KSTREAMS_SOAK"):
                    continue

                def turns(self, topology=topology, guarantee=guarantee, first=first, second=second):
                    engines = {"java": "java", "ours": self.other()}
                    self.take_turns(topology, guarantee, engines[first], engines[second])
                setattr(Interop, f"test_{topology}_{guarantee}_{second}_goes_on_where_{first}_stopped", turns)


add_turns()

if __name__ == "__main__":
    try:
        java_peer.build()
    except java_peer.Missing as missing:
        cluster.skip(missing)
    cluster.main()
