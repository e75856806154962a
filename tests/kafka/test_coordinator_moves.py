#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Offsets of a group while its coordinator is killed, hangs, and comes back: whichever broker that is, for each has its turn."""
import subprocess
import unittest

import broker
import cluster


class Offsets:
    """group_offsets_app, a line at a time."""

    def __init__(self, servers, group, topic):
        self.process = subprocess.Popen([cluster.program("group_offsets_app"), servers, group, topic], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def say(self, command):
        self.begin(command)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


class CoordinatorMoves(unittest.TestCase):
    def check(self, offsets, number):
        self.assertEqual(offsets.say(f"commit {number}"), f"committed {number}")
        self.assertEqual(offsets.say("fetch"), f"offset {number}")

    def test_offsets_are_committed_and_read_whichever_broker_is_killed_or_hangs(self):
        with broker.started(3) as kafka:
            kafka.create_topic("input")
            offsets = Offsets(kafka.bootstrap, "app", "input")
            self.assertEqual(offsets.say("fetch"), "offset -1")
            self.check(offsets, 1)
            for number in (1, 2, 3):
                kafka.kill(number)
                self.check(offsets, 10 * number)
                kafka.restart(number)
                kafka.pause(number)
                self.check(offsets, 10 * number + 1)
                kafka.resume(number)
                kafka.wait_until_ready()
            self.assertEqual(offsets.close(), 0)

    def test_a_commit_waits_for_the_only_broker_to_come_back(self):
        with broker.started() as kafka:
            kafka.create_topic("input")
            offsets = Offsets(kafka.bootstrap, "app", "input")
            self.check(offsets, 1)
            kafka.kill(1)
            offsets.begin("commit 2")
            kafka.restart(1)
            self.assertEqual(offsets.answer(), "committed 2")
            self.assertEqual(offsets.say("fetch"), "offset 2")
            self.assertEqual(offsets.close(), 0)


if __name__ == "__main__":
    cluster.main()
