# SPDX-License-Identifier: Apache-2.0
"""Instances of one application that come, go, stop breathing and die, while records flow.

The application counts words, and the letters that they begin with, behind repartition topics and without a cache, so each record makes a result
of each kind: the counts of a word are 1, 2, 3... in the order of the topic. That shows more than final counts would: a record that is counted
twice, lost, or counted by two instances at a time leaves its mark, even when another mistake makes up for it in the sum. hops.py looks for it.
"""
import contextlib
import pathlib
import random
import signal
import threading
import time

import java_peer

PARTITIONS = 8
WORDS = [f"{letter}{number:02}" for number in range(10) for letter in "abcd"]
SESSION_MS = 3000
BROKER_FROZEN_S = 10
GIVES_UP_S = 120
KEEP_MS = 24 * 60 * 60 * 1000  # what passed the repartition topics stays there, to be looked at


# ---- the flow of records -------------------------------------------------------------------------------------------------------------

class Flow:
    """Writes words at a steady rate, each record with a key of its own, and knows how many were acknowledged."""

    BATCH, PAUSE_S = 25, 0.05

    def __init__(self, bootstrap, topic, seed):
        self.tool, self.topic = java_peer.TopicTool(bootstrap), topic
        self.random = random.Random(seed)
        self.acknowledged, self.failure = 0, None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.tool.__exit__()

    def run(self):
        try:
            while not self.ending.wait(self.PAUSE_S):
                words, now = [self.random.choice(WORDS) for _ in range(self.BATCH)], int(time.time() * 1000)
                self.tool.produce(self.topic, [(None, now, f"key {self.acknowledged + i}", word) for i, word in enumerate(words)])
                self.acknowledged += len(words)
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

    def __init__(self, cluster, tool, program, folder, guarantee, seed):
        self.cluster, self.tool, self.program, self.folder, self.guarantee = cluster, tool, program, pathlib.Path(folder), guarantee
        self.random = random.Random(seed)
        self.application_id = f"words-{guarantee}"
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
            folder / "properties", application_id=self.application_id, bootstrap_servers=self.address_for(slot),
            processing_guarantee=self.guarantee, state_dir=folder / "state", num_stream_threads=2, statestore_cache_max_bytes=0,
            commit_interval_ms=200, consumer_session_timeout_ms=SESSION_MS, consumer_heartbeat_interval_ms=300, client_id=f"instance-{slot}",
            producer_transaction_timeout_ms=10000, repartition_purge_interval_ms=KEEP_MS)
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

    def wait_until_in_sync(self):
        """One broker at a time may be missing: that is what replicas are for, and more is another test."""
        end = time.monotonic() + GIVES_UP_S
        while lagging := self.tool.lagging():
            if time.monotonic() > end:
                raise java_peer.Failure(f"brokers are not in sync after {GIVES_UP_S} s: {lagging[:5]}")
            self.pause_for(0.5)

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
        self.wait_until_in_sync()
        number = self.random.randrange(len(self.cluster.brokers)) + 1
        how = self.random.choice(["kill", "stop"])
        self.say(f"broker {number}: {how}, and started again")
        getattr(self.cluster, how)(number)
        self.pause_for(1)
        self.cluster.restart(number)

    def freeze_broker(self):
        self.wait_until_in_sync()
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


def wait_for_results(hops, instances):
    """Until there is nothing wrong with them; what there is at the end."""
    end = time.monotonic() + GIVES_UP_S
    wrong = hops.results()
    while wrong and time.monotonic() < end:
        instances.pause_for(0.5)
        wrong = hops.results()
    return wrong
