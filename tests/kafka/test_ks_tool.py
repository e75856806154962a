#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ks on Kafka: topics, produce, consume, groups and reset do there what tests/scripts/test_ks_cli.py shows on an embedded log."""
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import cluster

SECONDS = 60


class Ks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.name = cluster.unique("ks")
        self.addCleanup(self.delete_topics)

    def run_ks(self, *arguments, stdin="", server=None):
        return subprocess.run([KS, *map(str, arguments), "--bootstrap-server", server or ADDRESS], input=stdin, capture_output=True,
                              text=True, timeout=SECONDS, check=False)

    def ks(self, *arguments, stdin=""):
        done = self.run_ks(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.ks(*arguments, "--json"))

    def refused(self, status, expected, *arguments, stdin="", server=None):
        done = self.run_ks(*arguments, stdin=stdin, server=server)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for text in expected:
            self.assertIn(text, done.stderr)

    def topics(self):
        return [row["topic"] for row in self.json("topics", "list") if row["topic"].startswith(self.name)]

    def delete_topics(self):
        for topic in self.topics():
            self.ks("topics", "delete", topic)

    def eventually(self, condition, what):
        end = time.monotonic() + SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, f"not within {SECONDS} s: {what}")
            time.sleep(0.1)


class TopicsAndRecords(Ks):
    def test_topics_are_made_listed_described_configured_and_deleted(self):
        orders = f"{self.name}-orders"
        self.assertEqual(self.ks("topics", "create", orders, "--partitions", "3", "--config", "retention.ms=86400000"),
                         f"created {orders} with 3 partitions\n")
        self.assertIn("is there already", self.ks("topics", "create", orders, "--partitions", "3"))
        self.refused(1, ["KS_E_ARGUMENT", "3"], "topics", "create", orders, "--partitions", "4")
        self.refused(1, ["KS_E_ARGUMENT", "retention"], "topics", "create", f"{orders}-2", "--config", "retention=1")
        rows = [row for row in self.json("topics", "list") if row["topic"] == orders]
        self.assertEqual(rows, [{"topic": orders, "partitions": 3, "offsets": 0, "bytes": None}])
        described = self.json("topics", "describe", orders)
        self.assertIn({"config": "retention.ms", "value": "86400000"}, described["configs"])
        self.assertEqual([row["partition"] for row in described["partitions"]], [0, 1, 2])
        configs = {row["config"]: row for row in self.json("topics", "config", orders, "cleanup.policy=compact", "retention.ms=")}
        self.assertEqual((configs["cleanup.policy"]["value"], configs["cleanup.policy"]["source"]), ("compact", "set"))
        self.assertEqual(configs["retention.ms"]["source"], "default")
        self.assertEqual(self.ks("topics", "delete", orders), f"deleted {orders}\n")
        self.assertEqual(self.topics(), [])
        self.refused(1, ["KS_E_UNKNOWN_TOPIC"], "topics", "delete", orders)

    def test_what_was_produced_is_consumed(self):
        self.ks("topics", "create", self.name)
        now = int(time.time()) * 1000
        self.assertEqual(self.ks("produce", self.name, "--key-separator", ":", "--null", "-", "--header", "h=1", "--header", "n",
                                 "--timestamp", now, stdin="a:1\nb:\n-:-\n"), f"3 records produced to {self.name}\n")
        records = [json.loads(line) for line in self.ks("consume", self.name, "--json").splitlines()]
        self.assertEqual([(r["key"], r["value"], r["offset"]) for r in records], [("a", "1", 0), ("b", "", 1), (None, None, 2)])
        self.assertEqual((records[0]["headers"], records[0]["timestamp"]), ([["h", "1"], ["n", None]], now))

    def test_reading_begins_and_ends_where_it_is_told_to(self):
        self.ks("topics", "create", self.name, "--partitions", "2")
        now = int(time.time()) * 1000
        for partition, timestamp, values in ((0, now, "a\nb\n"), (1, now + 1000, "c\nd\n")):
            self.ks("produce", self.name, "--partition", partition, "--timestamp", timestamp, stdin=values)
        self.assertEqual(sorted(self.ks("consume", self.name).split()), ["a", "b", "c", "d"])
        self.assertEqual(sorted(self.ks("consume", self.name, "--offset", "1").split()), ["b", "d"])
        self.assertEqual(self.ks("consume", self.name, "--since", now + 500), "c\nd\n")
        self.assertEqual(self.ks("consume", self.name, "--partition", "1", "--max-messages", "1"), "c\n")
        self.assertEqual(self.ks("consume", self.name, "--from-end"), "")
        self.refused(1, ["KS_E_OUT_OF_RANGE", "0 to 2"], "consume", self.name, "--offset", "3")
        self.refused(1, ["there is no partition 2"], "consume", self.name, "--partition", "2")
        self.refused(1, [f"there is no topic {self.name}-no"], "consume", f"{self.name}-no")
        self.refused(1, [f"there is no topic {self.name}-no"], "produce", f"{self.name}-no", stdin="a\n")

    def test_many_records_come_whole_and_in_their_order(self):
        self.ks("topics", "create", self.name)
        lines = "".join(f"{number} {'x' * (number % 300)}\n" for number in range(20000))
        self.ks("produce", self.name, stdin=lines)
        self.assertEqual(self.ks("consume", self.name), lines)

    def test_whoever_follows_sees_what_comes(self):
        self.ks("topics", "create", self.name)
        with subprocess.Popen([KS, "consume", self.name, "--follow", "--max-messages", "2", "--bootstrap-server", ADDRESS],
                              stdout=subprocess.PIPE, text=True) as follower:
            try:
                for value in ("a\n", "b\n"):
                    self.ks("produce", self.name, stdin=value)
                    self.assertEqual(follower.stdout.readline(), value)
                self.assertEqual(follower.wait(SECONDS), 0)
            finally:
                follower.kill()

    def test_where_no_broker_is_the_address_is_named(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            nowhere = f"127.0.0.1:{probe.getsockname()[1]}"
            begun = time.monotonic()
            self.refused(1, ["KS_E_IO", nowhere, "bootstrap.servers"], "topics", "list", server=nowhere)
        self.assertLess(time.monotonic() - begun, 15)

    def test_a_file_says_where_the_cluster_is(self):
        path = self.folder / "client.properties"
        path.write_text(f"bootstrap.servers={ADDRESS}\nrequest.timeout.ms=5000\n")
        done = subprocess.run([KS, "topics", "create", self.name, "--command-config", path], capture_output=True, text=True,
                              timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, self.topics()), (0, [self.name]), done.stderr)


class Groups(Ks):
    """An application counts; what it is seen doing, and how it begins anew."""

    def start(self, *properties):
        path = self.folder / "app.properties"
        path.write_text("".join(f"{line}\n" for line in (
            f"application.id={self.name}", f"bootstrap.servers={ADDRESS}", f"state.dir={self.folder}/state", "num.stream.threads=2",
            "commit.interval.ms=100", "application.server=here:80", *properties)))
        with (self.folder / "app.log").open("a") as log:
            app = subprocess.Popen([cluster.program("interop_app"), "count", f"{self.name}-", path], stdout=subprocess.PIPE, stderr=log,
                                   text=True)
        self.addCleanup(app.stdout.close)
        self.addCleanup(app.wait)
        self.addCleanup(app.kill)
        self.assertEqual(app.stdout.readline(), "RUNNING\n", (self.folder / "app.log").read_text())
        return app

    def stop(self, app):
        app.send_signal(signal.SIGTERM)
        self.assertEqual(app.wait(SECONDS), 0)

    def make_topics(self):
        for topic in ("in", "out", "lengths"):
            self.ks("topics", "create", f"{self.name}-{topic}", "--partitions", "2")
        self.ks("produce", f"{self.name}-in", "--key-separator", "=", "--partition", "0", stdin="a=1\nb=1\na=2\nc=1\n")

    def committed(self):
        """How far the application is in its input; all of it is in one partition."""
        rows = self.json("groups", "describe", self.name)["offsets"]
        return sum(row["offset"] or 0 for row in rows if row["topic"] == f"{self.name}-in")

    def run_to_the_end(self):
        app = self.start()
        self.eventually(lambda: self.committed() == 4, "four records are committed")
        self.stop(app)

    def counts(self):
        """The last count of each key."""
        lines = self.ks("consume", f"{self.name}-out", "--key-serde", "string", "--value-serde", "long").splitlines()
        return dict(line.split("\t") for line in lines)

    def test_a_running_application_is_seen_with_its_tasks(self):
        self.make_topics()
        app = self.start()
        self.eventually(lambda: self.committed() == 4, "four records are committed")
        described = self.json("groups", "describe", self.name)
        (member,) = described["members"]
        self.assertEqual((member["threads"], member["active"], member["standby"]), (2, "0_0 0_1", "-"))
        self.assertIn("127.0.0.1", member["host"])
        self.assertEqual(member["endpoint"], "here:80")
        self.assertNotEqual(member["process"], "-")
        self.assertEqual([(row["topic"], row["partition"], row["lag"], row["member"]) for row in described["offsets"]],
                         [(f"{self.name}-in", 0, 0, member["member"]), (f"{self.name}-in", 1, None, member["member"])])
        self.refused(1, ["KS_E_STATE", "stop the application"], "groups", "reset", self.name, "--topic", f"{self.name}-in", "--to-earliest")
        self.refused(1, ["KS_E_STATE"], "groups", "delete", self.name)
        self.stop(app)
        self.assertEqual(self.json("groups", "describe", self.name)["members"], [])
        (row,) = [row for row in self.json("groups", "list") if row["group"] == self.name]
        self.assertEqual((row["members"], row["lag"]), (0, 0))

    def test_a_group_at_rest_is_moved_and_forgotten(self):
        self.make_topics()
        topic = f"{self.name}-in"
        self.ks("groups", "reset", self.name, "--topic", topic, "--to-latest")
        self.assertEqual(self.committed(), 4)
        self.ks("groups", "reset", self.name, "--topic", topic, "--to-earliest")
        self.assertEqual(self.committed(), 0)
        self.ks("groups", "delete", self.name)
        self.refused(1, [f"there is no group {self.name}"], "groups", "describe", self.name)

    def reset(self, *arguments):
        return self.ks("reset", "--application-id", self.name, "--input-topics", f"{self.name}-in", *arguments)

    def test_an_application_that_was_reset_counts_everything_anew(self):
        self.make_topics()
        self.run_to_the_end()
        self.assertEqual(self.counts(), {"a": "2", "b": "1", "c": "1"})
        changelog = f"{self.name}-counts-changelog"
        self.assertIn(changelog, self.topics())
        planned = self.reset("--state-dir", self.folder / "state", "--dry-run")
        self.assertIn(f"would delete topic {changelog}\n", planned)
        self.assertIn(changelog, self.topics())
        self.assertEqual(self.committed(), 4)
        self.assertIn(f"deleted topic {changelog}\n", self.reset("--state-dir", self.folder / "state"))
        self.assertEqual(self.topics(), [f"{self.name}-{topic}" for topic in ("in", "lengths", "out")])
        self.assertEqual(self.committed(), 0)
        self.run_to_the_end()
        self.assertEqual(self.counts(), {"a": "2", "b": "1", "c": "1"})

    def test_a_dead_member_is_in_the_way_until_it_is_removed(self):
        self.make_topics()
        app = self.start("session.timeout.ms=300000")
        self.eventually(lambda: self.committed() == 4, "four records are committed")
        app.kill()
        app.wait()
        self.refused(1, ["has 1 member", "nothing was changed", "--force"], "reset", "--application-id", self.name)
        self.assertIn("would remove member", self.reset("--force", "--dry-run"))
        self.assertEqual(self.committed(), 4)
        self.assertIn("removed member", self.reset("--force", "--state-dir", self.folder / "state"))
        self.assertEqual((self.committed(), self.json("groups", "describe", self.name)["members"]), (0, []))


if __name__ == "__main__":
    ADDRESS = cluster.address()
    KS = cluster.program("ks")
    cluster.main()
