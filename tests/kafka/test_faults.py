#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with an application on Kafka, and what it says then: one clear message each, which names the thing and what to do.

docs/guide/kafka.md has the same list for its readers. What can be tried on the broker that the tests share is tried there; where a broker has
to go away, it is one of our own.
"""
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import broker
import cluster
import protocol

PATIENCE_S = 90


class App:
    """faults_app, running; what it says is read as it comes."""

    def __init__(self, test, topology, prefix, **properties):
        settings = {"application.id": prefix, "state.dir": test.folder, "commit.interval.ms": "100",
                    "statestore.cache.max.bytes": "0", **properties}
        self.process = subprocess.Popen([cluster.program("faults_app"), topology, prefix, *(f"{k}={v}" for k, v in settings.items())],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace")
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        test.addCleanup(self.end)

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self):
        return "\n".join(self.lines)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def wait_for(self, pattern, count=1):
        found = broker.wait_for(lambda: len(re.findall(pattern, self.text)) >= count or self.process.poll() is not None, PATIENCE_S)
        if not found or len(re.findall(pattern, self.text)) < count:
            raise AssertionError(f"nothing matches {pattern!r} in\n{self.text}")

    def wait_until_running(self):
        self.wait_for(r"state: \w+ -> RUNNING")

    def fails(self):
        """The message it ends with: one line, the last."""
        self.process.wait(PATIENCE_S)
        self.reader.join()
        if self.process.returncode != 1:
            raise AssertionError(f"it ended with status {self.process.returncode}\n{self.text}")
        errors = [line for line in self.lines if line.startswith("faults_app: ")]
        if len(errors) != 1 or self.lines[-1] != errors[0]:
            raise AssertionError(f"its last line is not its only message\n{self.text}")
        return errors[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        self.reader.join()
        if self.process.returncode != 0:
            raise AssertionError(f"it was stopped and ended with status {self.process.returncode}\n{self.text}")


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kstreams-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.prefix = cluster.unique(self.id().rsplit(".", 1)[1].removeprefix("test_")[:40])

    def ks(self, *arguments, stdin=""):
        done = subprocess.run([cluster.program("ks"), *arguments, "--bootstrap-server", self.servers], input=stdin, text=True, check=False,
                              capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def make_topics(self, partitions=2, **configs):
        for topic in ("in", "out"):
            self.ks("topics", "create", f"{self.prefix}-{topic}", "--partitions", str(partitions),
                    *(f"--config={key}={value}" for key, value in configs.items()))

    def produce(self, *lines):
        self.ks("produce", f"{self.prefix}-in", "--key-separator", "=", stdin="".join(f"{line}\n" for line in lines))

    def results(self):
        """Key and value of all that is committed in the output topic."""
        printed = self.ks("consume", f"{self.prefix}-out", "--print-key", "--from-beginning")
        return [tuple(line.split("\t")) for line in printed.splitlines()]

    def wait_for_results(self, expected, app):
        if not broker.wait_for(lambda: len(self.results()) >= len(expected), PATIENCE_S):
            self.fail(f"there are {self.results()}\n{app.text}")
        self.assertEqual(sorted(self.results()), sorted(expected), app.text)

    def start(self, topology, **properties):
        return App(self, topology, self.prefix, **{"bootstrap.servers": self.servers, **properties})

    def says(self, message, *parts):
        for part in parts:
            self.assertIn(part, message)


class WithoutBroker(Faults):
    servers = "127.0.0.1:1"

    def test_where_no_broker_listens_the_address_and_the_refusal_are_named(self):
        begun = time.monotonic()
        message = self.start("copy").fails()
        self.says(message, "KS_E_IO at bootstrap.servers", "no broker answers at 127.0.0.1:1", "Connection refused", "correct the address")
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_host_that_has_no_address_is_named(self):
        self.servers = "no-such-host.invalid:9092"
        self.says(self.start("copy").fails(), "no broker answers at no-such-host.invalid:9092", "Failed to resolve")

    def test_an_address_that_is_none_is_refused_at_once(self):
        for self.servers in ("127.0.0.1:99999", "kafka://127.0.0.1:9092"):
            self.says(self.start("copy").fails(), "KS_E_CONFIG at bootstrap.servers", f"'{self.servers}' is no address")

    def test_what_listens_and_says_nothing_is_no_broker(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.servers = f"127.0.0.1:{silent.getsockname()[1]}"
            self.says(self.start("copy").fails(), f"no broker answers at {self.servers}")


class OnTheSharedBroker(Faults):
    @classmethod
    def setUpClass(cls):
        cls.servers = cluster.address()

    def test_a_login_is_not_built(self):
        self.says(self.start("copy", **{"security.protocol": "SASL_SSL"}).fails(), "KS_E_NOT_BUILT at security.protocol", "PLAINTEXT")

    def test_missing_source_topics_are_named_all_at_once(self):
        message = self.start("copy").fails()
        self.says(message, "KS_E_UNKNOWN_TOPIC", f"{self.prefix}-in", "create")

    def test_a_source_topic_that_is_deleted_while_it_is_read_ends_the_application_which_says_why(self):
        self.make_topics()
        self.produce("a=1")
        app = self.start("copy")
        self.wait_for_results([("a", "1")], app)
        self.ks("topics", "delete", f"{self.prefix}-in")
        self.says(app.fails(), "KS_E_UNKNOWN_TOPIC", f"{self.prefix}-in", "was deleted while the application ran", "create it again")

    def test_a_changelog_that_was_deleted_under_the_state_is_not_made_anew_in_silence(self):
        self.make_topics()
        self.produce("a=1", "b=1", "a=1")
        app = self.start("count")
        self.wait_for_results([("a", "1"), ("b", "1"), ("a", "2")], app)
        self.ks("topics", "delete", f"{self.prefix}-counts-changelog")
        self.produce("a=1")
        message = app.fails()
        self.says(message, f"{self.prefix}-counts-changelog")

    def test_a_changelog_that_was_deleted_between_two_runs_takes_the_state_with_it_and_that_is_said(self):
        self.make_topics()
        self.produce("a=1")
        app = self.start("count")
        self.wait_for_results([("a", "1")], app)
        app.stop()
        self.ks("topics", "delete", f"{self.prefix}-counts-changelog")
        app = self.start("count")
        app.wait_until_running()
        self.assertRegex(app.text, r"warning: .*the local state of store counts of task 0_\d was wiped")
        app.stop()

    def test_a_producer_that_was_fenced_says_so_and_its_tasks_begin_again_at_their_last_commit(self):
        self.make_topics()
        app = self.start("count", **{"processing.guarantee": "exactly_once_v2"})
        self.produce("a=1")
        self.wait_for_results([("a", "1")], app)
        process = (pathlib.Path(self.folder) / self.prefix / "process-id").read_text(encoding="ascii").strip()
        self.assertGreater(protocol.fence(self.servers, f"{self.prefix}-{process}-1"), 0)
        self.produce("a=1", "b=1")
        app.wait_for("another producer of the same transactional.id has begun")
        self.wait_for_results([("a", "1"), ("a", "2"), ("b", "1")], app)
        app.stop()

    def test_a_changelog_with_other_partitions_than_its_tasks_is_refused(self):
        self.make_topics(partitions=2)
        self.ks("topics", "create", f"{self.prefix}-counts-changelog", "--partitions", "3")
        message = self.start("count").fails()
        self.says(message, f"{self.prefix}-counts-changelog", "3", "2")

    def test_topics_that_are_read_together_with_unequal_partitions_are_refused_with_their_numbers(self):
        self.make_topics(partitions=2)
        self.ks("topics", "create", f"{self.prefix}-other", "--partitions", "3")
        message = self.start("both").fails()
        self.says(message, "KS_E_TOPOLOGY", f"read together with {self.prefix}-in", f"{self.prefix}-in 2, {self.prefix}-other 3", "same number")

    def test_a_record_that_the_topic_does_not_take_is_told_with_its_topic_and_its_size(self):
        self.make_topics()
        self.ks("topics", "config", f"{self.prefix}-out", "max.message.bytes=1000")
        self.produce(f"key={'x' * 5000}")
        message = self.start("copy").fails()
        self.says(message, f"{self.prefix}-out", "max.message.bytes")


class OnABrokerThatGoes(Faults):
    def test_when_the_broker_goes_away_the_application_waits_for_it_and_loses_nothing(self):
        for guarantee in ("at_least_once", "exactly_once_v2"):
            with self.subTest(guarantee), broker.started() as kafka:
                self.servers = kafka.bootstrap
                self.prefix = cluster.unique("outage")
                self.make_topics()
                app = self.start("count", **{"processing.guarantee": guarantee})
                app.wait_until_running()
                self.produce("a=1", "b=1")
                self.wait_for_results([("a", "1"), ("b", "1")], app)
                kafka.kill(1)
                app.wait_for("no broker answers; trying again")
                self.assertIsNone(app.process.poll(), app.text)
                kafka.restart(1)
                self.produce("a=1")
                if guarantee == "exactly_once_v2":
                    self.wait_for_results([("a", "1"), ("b", "1"), ("a", "2")], app)
                else:
                    self.assertTrue(broker.wait_for(lambda: ("a", "2") in self.results(), PATIENCE_S), app.text)
                app.stop()


if __name__ == "__main__":
    cluster.main()
