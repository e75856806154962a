#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The brokers that the other tests stand on: they come, keep what they were given, go, and leave nothing behind."""
import os
import re
import socket
import subprocess
import tempfile
import unittest

import broker
import cluster
import protocol


def answers(address):
    try:
        return bool(protocol.api_versions(address, timeout=1.0))
    except (OSError, protocol.ProtocolError):
        return False


def runs(pid):
    """Not gone, and not only waiting to be reaped."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


class OneBroker(unittest.TestCase):
    def test_it_comes_back_with_what_it_held_at_the_address_it_had_and_goes_with_its_block(self):
        with broker.started() as kafka:
            address = kafka.bootstrap
            kafka.create_topic("kept", 3)
            with self.assertRaisesRegex(protocol.ProtocolError, "kept: error 36: .*already exists"):
                kafka.create_topic("kept")

            kafka.pause(1)
            self.assertFalse(answers(address))
            kafka.resume(1)
            self.assertTrue(broker.wait_for(lambda: answers(address), 30))

            for end in (kafka.kill, kafka.stop):
                end(1)
                self.assertFalse(answers(address))
                kafka.restart(1)
                self.assertEqual(kafka.bootstrap, address)
                self.assertEqual(set(kafka.topics()["kept"]), {0, 1, 2})
            pid = kafka.broker(1).pid
            self.assertTrue(runs(pid))
        self.assertFalse(runs(pid))
        self.assertFalse(kafka.folder.exists())


class ThreeBrokers(unittest.TestCase):
    def test_the_others_lead_what_a_killed_one_led(self):
        with broker.started(3) as kafka:
            kafka.create_topic("shared", 3)
            self.assertEqual(set(kafka.topics()["shared"].values()), {1, 2, 3})
            kafka.kill(3)
            self.assertTrue(broker.wait_for(lambda: set(kafka.topics()["shared"].values()) == {1, 2}, 60), kafka.topics())
            kafka.restart(3)
            self.assertEqual(set(protocol.metadata(kafka.broker(3).address)["brokers"]), {1, 2, 3})


class TheCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kstreams-kafka-")
        self.addCleanup(folder.cleanup)
        self.folder = f"{folder.name}/cluster"
        self.addCleanup(self.kafka, "down")

    def kafka(self, command, *arguments):
        done = subprocess.run([broker.ROOT / "scripts/kafka", command, "--dir", self.folder, *arguments], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        return done.returncode, done.stdout

    def test_up_says_where_it_runs_and_down_frees_the_port_and_leaves_no_process(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            status, text = self.kafka("up", "--port", str(taken))
        self.assertEqual(status, 0, text)
        address = re.search(r"^Kafka runs at (\S+) \(started in", text).group(1)
        self.assertGreater(int(address.rsplit(":", 1)[1]), taken)
        protocol.create_topic(address, "kept")

        status, text = self.kafka("up")
        self.assertEqual((status, text.splitlines()[0]), (0, f"Kafka runs at {address}"))
        self.assertEqual(self.kafka("status")[0], 0)
        with open(f"{self.folder}/address", encoding="ascii") as file:
            self.assertEqual(file.read(), f"{address}\n")
        pid = int(re.search(r"pid (\d+)", text).group(1))

        status, text = self.kafka("down")
        self.assertEqual(status, 0, text)
        self.assertFalse(runs(pid))
        self.assertFalse(os.path.exists(f"{self.folder}/address"))
        self.assertTrue(broker.is_free(int(address.rsplit(":", 1)[1])))
        self.assertEqual(self.kafka("status")[0], 1)
        self.assertEqual(self.kafka("down")[0], 0)

        status, text = self.kafka("up", "--brokers", "2")
        self.assertIn("holds a cluster of 1", text)
        self.assertEqual(status, 1)
        self.assertEqual(self.kafka("up")[0], 0)
        self.assertIn("kept", protocol.metadata(address)["topics"])
        self.assertEqual(self.kafka("up", "--anew", "--port", "0")[0], 0)
        with open(f"{self.folder}/address", encoding="ascii") as file:
            self.assertEqual(protocol.metadata(file.read().strip())["topics"], {})


class WithoutTheMeans(unittest.TestCase):
    def test_where_java_is_missing_it_says_what_installs_it_and_counts_as_skipped(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink("/usr/bin/env", f"{folder}/env")
            os.symlink(os.path.realpath("/usr/bin/python3"), f"{folder}/python3")
            done = subprocess.run([broker.ROOT / "scripts/kafka", "up", "--dir", f"{folder}/cluster"], text=True, check=False,
                                  env={"PATH": folder}, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("scripts/install-deps kafka", done.stderr)


if __name__ == "__main__":
    cluster.main()
