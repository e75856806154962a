# SPDX-License-Identifier: Apache-2.0
"""The Kafka that tests share, for tests in Python: where it is, and where the programs are. kafka_broker.h is its counterpart in C.

All tests of a run have one broker, which goes on when a test ends: what a test makes there needs a name that no other test has. A test that
stops or kills a broker starts its own, with broker.started().
"""
import os
import pathlib
import sys
import time
import unittest

import broker

ROOT = broker.ROOT
BUILD = pathlib.Path.cwd()


def skip(reason):
    """Ends the test file; ctest counts it as skipped."""
    print(reason, flush=True)
    sys.exit(77)


def address():
    """host:port[,host:port...]: KSTREAMS_KAFKA, else what kafka/address in the current folder, a build folder, holds."""
    if os.environ.get("KSTREAMS_KAFKA"):
        return os.environ["KSTREAMS_KAFKA"]
    try:
        return (BUILD / "kafka/address").read_text(encoding="ascii").strip()
    except OSError:
        return skip("no Kafka runs: `make kafka-up` starts one, KSTREAMS_KAFKA=127.0.0.1:9092 says where it is")


def program(name):
    """A program of this build: of the folder KSTREAMS_BIN, else of the current folder, a build folder, else of build/."""
    folders = [os.environ.get("KSTREAMS_BIN"), BUILD / "bin", BUILD / "tests", BUILD / "guide", ROOT / "build/bin", ROOT / "build/release/tests"]
    for folder in filter(None, folders):
        if (pathlib.Path(folder) / name).exists():
            return str((pathlib.Path(folder) / name).resolve())
    return skip(f"{name} is not built: `make` builds it, KSTREAMS_BIN says where it is")


def unique(base):
    return f"{base}-{int(time.time()):x}-{os.getpid():x}"


def main():
    """Runs the tests of the calling file. Where a broker or Java is not to be had they are skipped."""
    sys.stdout.reconfigure(line_buffering=True)
    result = unittest.main(exit=False, verbosity=2).result
    unavailable = [reason for _, reason in result.skipped]
    if result.wasSuccessful() and result.testsRun == len(unavailable) and unavailable:
        skip(unavailable[-1])
    sys.exit(0 if result.wasSuccessful() else 1)
