#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Members of a group, each a process, while they are stopped and killed, and while their coordinator goes and comes back."""
import signal
import subprocess
import threading
import time
import unittest

import broker
import cluster

TASKS = set(range(6))
PATIENCE = 120
SHORT_MS, LONG_MS = 4000, 60000  # sessions


class Member:
    """group_member_app: what it printed last, and how often it was fenced."""

    def __init__(self, servers, name, session_ms):
        self.tasks, self.changes, self.fenced = set(), 0, 0
        self.process = subprocess.Popen([cluster.program("group_member_app"), servers, "app", name, str(session_ms)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, *partitions = line.split()
            self.fenced += word == "fenced"
            self.tasks = {int(partition) for partition in partitions}
            self.changes += 1

    def send(self, number):
        self.process.send_signal(number)

    def leave(self):
        self.process.stdin.close()
        return self.end()

    def kill(self):
        self.send(signal.SIGKILL)
        return self.end()

    def end(self):
        status = self.process.wait(timeout=PATIENCE)
        self.reader.join()
        self.process.stdout.close()
        self.process.stdin.close()
        return status


class Members(unittest.TestCase):
    def wait_for(self, what, *members):
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, [(member.tasks, member.fenced) for member in members])
            time.sleep(0.05)

    def wait_until_shared(self, *members):
        def is_shared():
            return (sorted(task for member in members for task in member.tasks) == sorted(TASKS)
                    and all(len(member.tasks) == len(TASKS) // len(members) for member in members))
        self.wait_for(is_shared, *members)

    def test_tasks_stay_where_they_are_whichever_broker_goes(self):
        with broker.started(3) as kafka:
            members = [Member(kafka.bootstrap, name, LONG_MS) for name in ("a", "b")]
            self.wait_until_shared(*members)
            changes = [member.changes for member in members]
            for number in (1, 2, 3):
                kafka.kill(number)
                time.sleep(2)
                kafka.restart(number)
                kafka.wait_until_ready()
            self.assertEqual([member.changes for member in members], changes)
            third = Member(kafka.bootstrap, "c", LONG_MS)
            self.wait_until_shared(*members, third)
            self.assertEqual([member.fenced for member in (*members, third)], [0, 0, 0])
            self.assertEqual([member.leave() for member in (*members, third)], [0, 0, 0])

    def test_members_that_are_killed_or_stand_still_are_replaced(self):
        with broker.started() as kafka:
            a, b, c = (Member(kafka.bootstrap, name, SHORT_MS) for name in ("a", "b", "c"))
            self.wait_until_shared(a, b, c)
            a.kill()
            self.wait_until_shared(b, c)
            b.send(signal.SIGSTOP)
            self.wait_until_shared(c)
            b.send(signal.SIGCONT)
            self.wait_until_shared(b, c)
            self.assertEqual((b.fenced, c.fenced), (1, 0))
            self.assertEqual(c.leave(), 0)
            self.wait_until_shared(b)
            self.assertEqual(b.leave(), 0)


if __name__ == "__main__":
    cluster.main()
