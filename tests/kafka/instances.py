# SPDX-License-Identifier: Apache-2.0
"""Instances of one application that come, go, stop breathing and die, while records flow; and what must be true of the results.

The application counts words behind a repartition topic, without a cache, so each record makes one result: the counts of a word are 1, 2, 3...
in the order of the topic. That shows more than final counts would: a record that is counted twice, lost, or counted by two instances at a
time leaves its mark, even when another mistake makes up for it in the sum.
"""
import contextlib
import pathlib
import random
import signal
import struct
import threading
import time

import java_peer

PARTITIONS = 8
WORDS = [f"{letter}{number:02}" for number in range(10) for letter in "abcd"]
SESSION_MS = 3000
BROKER_FROZEN_S = 10
GIVES_UP_S = 120


# ---- what must be true ---------------------------------------------------------------------------------------------------------------

def counts_by_word(records):
    """The counts of each word, in the order of the topic: a word has one partition."""
    counts = {}
    for _, _, _, key, value, _ in sorted(records, key=lambda record: record[:2]):
        counts.setdefault(key.decode(), []).append(struct.unpack(">q", value)[0])
    return counts


def check_exactly_once(written, counts):
    """What is wrong; an empty list when each record was counted once, in turn."""
    wrong = []
    for word in sorted(written.keys() | counts.keys()):
        expected, found = list(range(1, written.get(word, 0) + 1)), counts.get(word, [])
        if found != expected:
            at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
            wrong.append(f"{word}: {len(expected)} records, {len(found)} results; result {at} is {found[at:at + 1]}, not {expected[at:at + 1]}")
    return wrong


def check_at_least_once(written, counts):
    """What is wrong; an empty list when each record left a result, or several.

    What the results say is not looked at, for no producer is fenced: who dies when a count is in the changelog and not yet in the results
    counts its record again, from there; and who had no network for longer than its session writes old counts over newer ones when it has it
    back.
    """
    wrong = []
    for word in sorted(written):
        found = len(counts.get(word, []))
        if found < written[word]:
            wrong.append(f"{word}: {written[word]} records, and {found} results")
    return wrong + [f"{word}: was never written" for word in sorted(counts.keys() - written.keys())]


CHECKS = {"exactly_once_v2": check_exactly_once, "at_least_once": check_at_least_once}


# ---- the flow of records -------------------------------------------------------------------------------------------------------------

class Flow:
    """Writes words at a steady rate, and knows how often it wrote each."""

    BATCH, PAUSE_S = 25, 0.05

    def __init__(self, bootstrap, topic, seed):
        self.tool, self.topic = java_peer.TopicTool(bootstrap), topic
        self.random = random.Random(seed)
        self.written, self.failure = {}, None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.tool.__exit__()

    def run(self):
        number = 0
        try:
            while not self.ending.wait(self.PAUSE_S):
                words = [self.random.choice(WORDS) for _ in range(self.BATCH)]
                now = int(time.time() * 1000)
                self.tool.produce(self.topic, [(None, now, f"key {number + i}", word) for i, word in enumerate(words)])
                number += len(words)
                for word in words:
                    self.written[word] = self.written.get(word, 0) + 1
        except (java_peer.Failure, OSError) as failure:
            self.failure = failure

    def stop(self):
        self.ending.set()
        self.thread.join()
        if self.failure:
            raise java_peer.Failure(f"the test could not write its records: {self.failure}")


# ---- instances -----------------------------------------------------------------------------------------------------------------------

class Instances:
    """Up to three processes under one application.id, each with its own directory. Events happen to them one after the other."""

    def __init__(self, cluster, program, folder, guarantee, seed):
        self.cluster, self.program, self.folder, self.guarantee = cluster, program, pathlib.Path(folder), guarantee
        self.random = random.Random(seed)
        self.running = {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for application in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                application.process.send_signal(signal.SIGCONT)
        self.stack.close()

    def say(self, text):
        print(f"# {time.strftime('%H:%M:%S')} {text}", flush=True)

    def address_for(self, slot):
        """By a network of its own, where the cluster has some."""
        return self.cluster.networks[slot - 1].bootstrap if self.cluster.networks else self.cluster.bootstrap

    def start(self, slot):
        folder = self.folder / f"instance-{slot}"
        folder.mkdir(parents=True, exist_ok=True)
        properties = java_peer.write_properties(
            folder / "properties", application_id=f"words-{self.guarantee}", bootstrap_servers=self.address_for(slot),
            processing_guarantee=self.guarantee, state_dir=folder / "state", num_stream_threads=2, statestore_cache_max_bytes=0,
            commit_interval_ms=200, consumer_session_timeout_ms=SESSION_MS, consumer_heartbeat_interval_ms=300, client_id=f"instance-{slot}",
            producer_transaction_timeout_ms=10000)
        command = [self.program, "repartition", f"{self.guarantee}-", properties]
        self.running[slot] = self.stack.enter_context(java_peer.Application(command, folder / "log"))

    def check_alive(self):
        for slot, application in self.running.items():
            if application.process.poll() is not None:
                raise java_peer.Failure(f"instance {slot} ended by itself with status {application.process.returncode}:\n{application.tail()}")

    def pause_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check_alive()
            time.sleep(0.1)

    def choose(self):
        return self.random.choice(sorted(self.running))

    # -- events

    def kill(self):
        slot = self.choose()
        self.say(f"instance {slot} is killed and started again")
        self.running.pop(slot).stop_hard()
        self.start(slot)

    def freeze(self):
        slot = self.choose()
        self.say(f"instance {slot} is stopped for longer than its session")
        process = self.running[slot].process
        process.send_signal(signal.SIGSTOP)
        self.pause_for(SESSION_MS / 1000 + 2)
        process.send_signal(signal.SIGCONT)

    def close(self):
        slot = self.choose()
        self.say(f"instance {slot} is closed and started again")
        self.running.pop(slot).stop()
        self.start(slot)

    def scale(self):
        wanted = self.random.choice([count for count in (1, 2, 3) if count != len(self.running)])
        self.say(f"{len(self.running)} instances become {wanted}")
        while len(self.running) > wanted:
            self.running.pop(self.choose()).stop()
        for slot in (1, 2, 3):
            if len(self.running) < wanted and slot not in self.running:
                self.start(slot)

    def bounce_broker(self):
        number = self.random.randrange(len(self.cluster.brokers)) + 1
        how = self.random.choice(["kill", "stop"])
        self.say(f"broker {number}: {how}, and started again")
        getattr(self.cluster, how)(number)
        self.pause_for(1)
        self.cluster.restart(number)

    def freeze_broker(self):
        number = self.random.randrange(len(self.cluster.brokers)) + 1
        seconds = self.random.choice([2, BROKER_FROZEN_S])
        self.say(f"broker {number} is stopped for {seconds} s")
        self.cluster.pause(number)
        self.pause_for(seconds)
        self.cluster.resume(number)

    def lose_network(self):
        slot, mode = self.choose(), self.random.choice(["cut", "hang", "mute"])
        seconds = self.random.choice([1, SESSION_MS / 1000 + 2])
        self.say(f"instance {slot} has no network ({mode}) for {seconds:g} s")
        network = self.cluster.networks[slot - 1]
        network.set(mode)
        self.pause_for(seconds)
        network.heal()

    EVENTS = (kill, freeze, close, scale, bounce_broker, freeze_broker, lose_network)

    def close_all(self):
        for slot in sorted(self.running):
            self.running.pop(slot).stop()


def wait_for_results(tool, topic, check, written, instances):
    """Until the check finds nothing wrong; what it finds at the end."""
    end = time.monotonic() + GIVES_UP_S
    wrong = check(written, counts_by_word(tool.read(topic)))
    while wrong and time.monotonic() < end:
        instances.pause_for(0.5)
        wrong = check(written, counts_by_word(tool.read(topic)))
    return wrong
