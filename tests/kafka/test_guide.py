#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The session of the guide's chapter on Kafka does what the page says, on a broker of its own: its topics have the names of the page."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import broker
import cluster

EXAMPLES = broker.ROOT / "docs/guide/examples"
ROW = re.compile(r"^(kitchen|balcony)\t(\S+)$", re.MULTILINE)


class Guide(unittest.TestCase):
    def test_two_instances_share_the_work_and_one_goes_on_alone(self):
        folders = {str(pathlib.Path(cluster.program(name)).parent) for name in ("ks", "service")}
        with tempfile.TemporaryDirectory(prefix="kstreams-guide-") as state, broker.started() as kafka:
            done = subprocess.run(["sh", EXAMPLES / "kafka.sh"], capture_output=True, text=True, timeout=300, check=False, env={
                **os.environ, "PATH": ":".join([*folders, os.environ["PATH"]]), "GUIDE_KAFKA": kafka.bootstrap, "GUIDE_STATE": state,
                "GUIDE_PROPERTIES": str(EXAMPLES / "thermometers.properties")})
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        first, second = re.split(r"^.*thermometers.*$", done.stdout, maxsplit=1, flags=re.MULTILINE)
        self.assertEqual(set(ROW.findall(first)), {("kitchen", "21.5"), ("balcony", "4")}, said)
        self.assertLessEqual({("kitchen", "21.5"), ("balcony", "4")}, set(ROW.findall(second)), said)
        self.assertEqual(len(re.findall(r"state: \w+ -> NOT_RUNNING", done.stderr)), 2, said)


if __name__ == "__main__":
    cluster.main()
