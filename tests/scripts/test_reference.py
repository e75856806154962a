#!/usr/bin/env python3
"""The reference must fail on what is undocumented or stale, and its pages must say what the headers say."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = """/* SPDX-License-Identifier: Apache-2.0 */
/*
 * barrel.h - barrels, and what rolls out of them.
 *
 * @thread the cooper's
 */
typedef struct ks_barrel ks_barrel; /**< @java Barrel */

/* ---- filling ---- */

/**
 * Fills a barrel; ks_barrel_free() empties it.
 *
 *     ks_barrel_fill(barrel, 7);
 *
 * @param litres  at least 1
 * @return whether it held
 * @java   Barrel#fill
 */
KS_API bool ks_barrel_fill(ks_barrel *barrel, int litres);

/** Empties it. @thread any @java Barrel#empty(int), Barrel#close */
KS_API void ks_barrel_free(ks_barrel *barrel);

/** The most it holds. */
#define KS_BARREL_MOST 225

/** A barrel of that many staves. */
#define KS_BARREL(staves) ks_barrel_make_(staves)

/** How full, for @java Gauge */
static inline int ks_barrel_level(const ks_barrel *barrel)
{
    return 1;
}
"""
API = "== Wood\nBarrel\n    fill\n    empty\n    close\n    roll: not yet\nGauge\n"


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.put("include/kstreams/barrel.h", HEADER)
        self.put("scripts/java-api.txt", API)

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def page(self, name):
        return (self.root / "docs/reference" / name).read_text()

    def run_it(self, *arguments):
        done = subprocess.run([ROOT / "scripts/reference", "--root", self.root, *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def refused(self, expected, *arguments):
        status, output = self.run_it(*arguments)
        self.assertEqual(status, 1, output)
        self.assertIn(expected, output)

    def test_a_page_has_the_prototype_the_prose_and_the_facts(self):
        status, output = self.run_it()
        self.assertEqual(status, 0, output)
        page = self.page("api/barrel.md")
        for text in ("# barrel.h\n\nBarrels, and what rolls out of them.", "## Filling",
                     "### ks_barrel_fill\n\n```c\nbool ks_barrel_fill(ks_barrel *barrel, int litres);\n```",
                     "Fills a barrel; [`ks_barrel_free()`](#ks_barrel_free) empties it.",
                     "```c\nks_barrel_fill(barrel, 7);\n```", "- `litres`: at least 1\n- returns: whether it held\n"
                     "- thread: the cooper's\n- Java: `Barrel#fill`", "- thread: any\n- Java: `Barrel#empty(int)`, `Barrel#close`",
                     "```c\n#define KS_BARREL_MOST 225\n```", "```c\nKS_BARREL(staves)\n```",
                     "static inline int ks_barrel_level(const ks_barrel *barrel);"):
            self.assertIn(text, page)

    def test_the_index_leads_from_java_to_c(self):
        self.run_it()
        index = self.page("java-index.md")
        self.assertIn("| **Barrel** | [`ks_barrel`](api/barrel.md#ks_barrel) |", index)
        self.assertIn("fill | [`ks_barrel_fill()`](api/barrel.md#ks_barrel_fill) |", index)
        self.assertIn("roll | not yet |", index)

    def test_what_was_written_is_not_stale(self):
        self.run_it()
        status, output = self.run_it("--check")
        self.assertEqual(status, 0, output)

    def test_a_changed_comment_makes_its_page_stale(self):
        self.run_it()
        self.put("include/kstreams/barrel.h", HEADER.replace("at least 1", "at least 2"))
        self.refused("docs/reference/api/barrel.md: is not what the headers say", "--check")

    def test_a_page_without_a_header_is_refused(self):
        self.run_it()
        self.put("docs/reference/api/keg.md", "")
        self.refused("docs/reference/api/keg.md: no header has this page", "--check")

    def test_a_function_without_a_docstring_is_refused(self):
        self.put("include/kstreams/barrel.h", HEADER.replace("/** Empties it. @thread any @java Barrel#empty(int), Barrel#close */\n", ""))
        self.refused("include/kstreams/barrel.h:22: ks_barrel_free has no docstring")

    def test_a_function_without_a_thread_is_refused(self):
        self.put("include/kstreams/barrel.h", HEADER.replace(" * @thread the cooper's\n", ""))
        self.refused("ks_barrel_fill has no @thread, and barrel.h has none for all")

    def test_a_parameter_that_is_not_there_is_refused(self):
        self.put("include/kstreams/barrel.h", HEADER.replace("@param litres", "@param gallons"))
        self.refused("ks_barrel_fill has no parameter gallons")

    def test_an_unknown_java_name_is_refused(self):
        self.put("include/kstreams/barrel.h", HEADER.replace("Barrel#fill", "Barrel#pour"))
        self.refused("@java Barrel#pour is not in scripts/java-api.txt")
        self.refused("Barrel#fill has neither a counterpart nor a reason")

    def test_a_reason_that_is_over_is_refused(self):
        self.put("scripts/java-api.txt", API.replace("    fill\n", "    fill: not yet\n"))
        self.refused("scripts/java-api.txt:3: Barrel#fill has a counterpart now")


if __name__ == "__main__":
    unittest.main()
