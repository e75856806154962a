#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka's own verifiers against our applications: smoke.py [NAME...] [--seconds N] [--records N]; `make smoke` runs all.

Kafka's SmokeTestDriver and RelationalSmokeTest write records and know what must be in the topics of their applications: every kind of
window, suppressed results, tables of the application's own outputs, joins, foreign keys. The applications are ours (smoke/*.c), or
Java's and ours in turn under one application.id. While records are written instances are closed or killed and started again; the driver's own
output says when, so that each happens at the same place of the input.

A run is named GUARANTEE-INSTANCES-EVENT, relational-GUARANTEE, or hand-over-GUARANTEE; without a name all run. The last line is "N passed, M failed".
"""
import argparse
import contextlib
import dataclasses
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import broker
import cluster
import java_peer

PARTITIONS = 5
TOPICS = {"smoke": ["data", "fk", "echo", "max", "min", "min-suppressed", "min-raw", "dif", "sum", "sws-raw", "sws-suppressed", "cnt", "avg", "tagg"],
          "relational": ["in-article", "in-comment", "out-augmented-article", "out-augmented-comment"]}
GUARANTEES = {"alos": "at_least_once", "eos": "exactly_once_v2"}
SMOKE_KEYS = 20
VERIFIES_WITHIN_S = 420
MIDNIGHT_S = 240


@dataclasses.dataclass(frozen=True)
class Run:
    name: str
    application: str
    guarantee: str
    instances: int
    event: str            # steady, close or kill
    engines: tuple = ("ours",)  # of the first instance, one after the other


def all_runs():
    runs = [Run(f"{short}-{count}-{event}", "smoke", guarantee, count, event)
            for short, guarantee in GUARANTEES.items() for count in (1, 3) for event in ("close", "kill")]
    for short, guarantee in GUARANTEES.items():
        runs.append(Run(f"relational-{short}", "relational", guarantee, 1, "kill"))
        runs.append(Run(f"hand-over-{short}", "smoke", guarantee, 1, "close", ("java", "ours", "java")))
        runs.append(Run(f"relational-hand-over-{short}", "relational", guarantee, 1, "close", ("java", "ours", "java")))
    return {run.name: run for run in runs}


def wait_for_midnight():
    """The windows of a day begin at midnight, and the driver knows of one of each key only."""
    left = 86_400 - time.time() % 86_400
    if left < MIDNIGHT_S:
        print(f"# waiting {left:.0f} s for midnight (UTC), which no run may meet", flush=True)
        time.sleep(left + 1)


class Verifier:
    """Kafka's driver: what it has written so far, and what it says in the end."""

    def __init__(self, run, bootstrap, options, log):
        self.log, self.lines, self.said = pathlib.Path(log), queue.Queue(), []
        self.process = subprocess.Popen(
            java_peer.java("SmokeVerifier", run.application, bootstrap, run.guarantee, options.seconds, options.records),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self.drain, daemon=True)
        self.reader.start()

    def drain(self):
        with self.log.open("w", encoding="utf-8") as log:
            for line in self.process.stdout:
                log.write(line)
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

    def next_line(self, end):
        try:
            line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty as empty:
            raise java_peer.Failure(f"Kafka's driver says nothing more:\n{self.tail()}") from empty
        if line is None:
            raise java_peer.Failure(f"Kafka's driver ended with status {self.process.wait()}:\n{self.tail()}")
        self.said.append(line)
        return line

    def wait_for(self, is_it, seconds):
        end = time.monotonic() + seconds
        while not any(map(is_it, self.said)):
            self.next_line(end)

    def tail(self):
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-30:])

    def passes(self):
        self.wait_for(lambda line: line in ("SUCCESS", "FAILURE"), VERIFIES_WITHIN_S)
        return "SUCCESS" in self.said and "FAILURE" not in self.said


class Instances:
    """The instances of one application, each with its own directory."""

    def __init__(self, run, bootstrap, folder):
        self.run, self.bootstrap, self.folder = run, bootstrap, pathlib.Path(folder)
        self.application_id = cluster.unique(f"smoke-{run.name}")
        self.running, self.stack = {}, contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, slot, engine):
        folder = self.folder / f"{engine}-{slot}"
        folder.mkdir(parents=True, exist_ok=True)
        properties = java_peer.write_properties(
            folder / "properties", application_id=self.application_id, bootstrap_servers=self.bootstrap, state_dir=folder / "state",
            client_id=f"{engine}-{slot}", processing_guarantee=self.run.guarantee, auto_offset_reset="earliest", commit_interval_ms=500,
            consumer_session_timeout_ms=6000, consumer_heartbeat_interval_ms=1000,
            windowstore_changelog_additional_retention_ms=5 * 86_400_000)
        arguments = (self.run.application, "", properties)
        is_ours = engine == "ours" and os.environ.get("KSTREAMS_INTEROP_OURS") != "java"
        command = [cluster.program("interop_app"), *arguments] if is_ours else java_peer.java("PeerApp", *arguments)
        self.running[slot] = self.stack.enter_context(java_peer.Application(command, folder / "log"))

    def wait_until_running(self):
        for application in self.running.values():
            application.wait_until_running()

    def end(self, slot, hard):
        application = self.running.pop(slot)
        (application.stop_hard if hard else application.stop)()

    def check_alive(self):
        for slot, application in self.running.items():
            if application.process.poll() is not None:
                raise java_peer.Failure(f"instance {slot} ended by itself:\n{application.tail()}")


def wait_for_input(run, tool, count):
    """Until so many records are written."""
    topic = {"smoke": "data", "relational": "in-comment"}[run.application]
    java_peer.wait_for(lambda: len(tool.read(topic)) >= count, f"{count} records in {topic}", VERIFIES_WITHIN_S)


def go_through(run, tool, instances, total):
    """The events of a run, spread over the input; each instance has its turn."""
    engines, slots = list(run.engines), sorted(instances.running)
    events = len(engines) - 1 if len(engines) > 1 else 3
    for event in range(events if run.event != "steady" else 0):
        wait_for_input(run, tool, total * (event + 1) // (events + 1))
        slot = slots[event % len(slots)]
        engine = engines[(event + 1) % len(engines)]
        print(f"#   instance {slot}: {run.event}, and {engine} starts", flush=True)
        instances.end(slot, hard=run.event == "kill")
        instances.start(slot, engine)
        instances.running[slot].wait_until_running()


def verify(run, bootstrap, options, folder):
    """True when Kafka's driver is content."""
    wait_for_midnight()
    print(f"# {run.name}: {run.application}, {run.guarantee}, {run.instances} instance(s) of {', then '.join(run.engines)}, {run.event}", flush=True)
    with java_peer.TopicTool(bootstrap) as tool, Instances(run, bootstrap, folder) as instances:
        for topic in TOPICS[run.application]:
            tool.create(topic, PARTITIONS, retention_ms=-1)
        try:
            for slot in range(1, run.instances + 1):
                instances.start(slot, run.engines[0])
            instances.wait_until_running()
            with Verifier(run, bootstrap, options, folder / "verifier.log") as verifier:
                total = options.records * (SMOKE_KEYS if run.application == "smoke" else 1)
                go_through(run, tool, instances, total)
                passed = verifier.passes()
                instances.check_alive()
                if not passed:
                    print(verifier.tail(), flush=True)
            for slot in list(instances.running):
                instances.end(slot, hard=False)
        finally:
            for slot in list(instances.running):
                instances.end(slot, hard=True)
            tool.delete(*(topic for topic in tool.topics()
                          if topic in TOPICS[run.application] or topic.startswith(instances.application_id)))
    return passed


def run_all(runs, bootstrap, options):
    """The names of the runs that failed; what they left stays in folders that are named."""
    java_peer.build()
    failed = []
    for run in runs:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kstreams-smoke-"))
        try:
            passed = verify(run, bootstrap, options, folder)
        except java_peer.Failure as failure:
            print(f"# {failure}", flush=True)
            passed = False
        print(f"{'ok' if passed else 'not ok'} {run.name}", flush=True)
        if passed:
            shutil.rmtree(folder)
        else:
            failed.append(run.name)
            print(f"# logs are in {folder}", flush=True)
    return failed


def main():
    sys.stdout.reconfigure(line_buffering=True)
    known = all_runs()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"of a run: {', '.join(known)}")
    parser.add_argument("--seconds", type=int, default=90, help="over which the input is written (90)")
    parser.add_argument("--records", type=int, default=1000, help="a key, or comments in all (1000)")
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in known]
    if unknown:
        parser.error(f"no run is called {', '.join(unknown)}")
    runs = [known[name] for name in options.name or known]
    with broker.started() as kafka:
        failed = run_all(runs, kafka.bootstrap, options)
    print(f"{len(runs) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
