#!/usr/bin/env python3
"""Checks the scripts of bench/compare: they parse, every row names a program and a question that exist, judging and counting
come out right, and a result becomes a table and charts.

usage: scripts.py ROOT BUILD_DIR
"""

import ast
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT, BUILD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
COMPARE = ROOT / "bench" / "compare"
SAMPLE = ROOT / "tests" / "bench" / "sample.json"
SCRIPTS = ("run", "echo", "http", "redis", "suite", "check")
sys.path.insert(0, str(COMPARE))

import charts
import common
import figures
import growth
import instructions
import report
import rows


class Scripts(unittest.TestCase):
    def test_parse(self):
        for path in [*COMPARE.glob("*.py"), *(COMPARE / name for name in SCRIPTS)]:
            ast.parse(path.read_text(), str(path))

    def test_help(self):
        for name in SCRIPTS:
            done = subprocess.run([COMPARE / name, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, name)
            self.assertIn("usage:", done.stdout)

    def test_list(self):
        done = subprocess.run([COMPARE / "run", BUILD, "--list"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), len(rows.ROWS))


class Rows(unittest.TestCase):
    def test_questions_exist(self):
        known = {}
        for row in rows.ROWS:
            programs = [row.program] + ([rows.PARTNERS[row.partner][0]] if row.partner else [])
            for program in programs:
                if program not in known:
                    known[program] = self.questions(program)
                if known[program] is not None:
                    self.assertIn(row.question, known[program], f"{program} does not answer it")

    def questions(self, program):
        path = common.find_program(str(BUILD), program)
        if path:
            return common.questions_of(path)
        if program == "compare_go":  # built on request only
            text = "".join(path.read_text() for path in (COMPARE / "go").glob("*.go"))
            return re.findall(r'(?:^\s*|questions\[)"(\w+)"(?::|\] =)', text, re.MULTILINE)
        self.assertTrue(program.startswith("compare_"), f"{program} was not built")
        return None  # a partner that is not installed here

    def test_no_row_twice(self):
        keys = [(row.ours, row.metric, row.partner) for row in rows.ROWS]
        self.assertEqual(len(keys), len(set(keys)))

    def test_titles_are_whole(self):
        made = rows.with_whole_titles([rows.Row(title, "p:q", "m") for title in ("a", "", "  b", "", "c")])
        self.assertEqual([row.title for row in made], ["a", "a", "a: b", "a: b", "c"])

    def test_limits_are_limits(self):
        for row in rows.ROWS:
            for procs in row.procs:
                for limit in rows.limits(row.need, procs) + rows.limits(row.good, procs):
                    self.assertIn(limit[0], ("ratio", "value", "jumps"))

    def test_floors_name_rows(self):
        known = {f"{row.metric}|{row.partner}" for row in rows.ROWS}
        self.assertLessEqual(set(common.read_json(ROOT / "bench" / "floors.json")["rows"]), known)

    def test_counts_are_complete(self):
        counts = common.read_json(ROOT / "bench" / "instructions.json")["counts"]
        self.assertEqual(set(counts), set(instructions.PATHS))


class Judging(unittest.TestCase):
    def row(self, ours, theirs, need=(), good=(), better="less"):
        return figures.compared("run", "x", 1, "x", "ns", ours, theirs, partner="go", need=need, good=good, better=better)

    def test_ratio_is_taken_within_the_round(self):
        row = self.row([1, 20, 3], [2, 10, 6], need=[rows.ratio(0.5)], good=[rows.ratio(0.4)])
        self.assertEqual(row["ratio"]["median"], 0.5)
        self.assertEqual(row["result"], "pass")

    def test_all_limits_count(self):
        need = [rows.ratio(1), rows.value(5)]
        self.assertEqual(self.row([6, 6], [9, 9], need=need)["result"], "FAIL")
        self.assertEqual(self.row([4, 4], [9, 9], need=need, good=[rows.value(4)])["result"], "pass, good")
        self.assertEqual(self.row([4, 4], [3, 3], need=need)["result"], "FAIL")

    def test_jumps(self):
        self.assertEqual(self.row([10], [2], need=[rows.jumps(2.5, 5)])["result"], "pass")
        self.assertEqual(self.row([10.1], [2], need=[rows.jumps(2.5, 5)])["result"], "FAIL")

    def test_more_is_better(self):
        row = self.row([200, 200], [100, 100], need=[rows.ratio(0.5)], better="more")
        self.assertEqual((row["ratio"]["median"], row["result"], figures.standing(row)), (0.5, "pass", "ahead"))

    def test_losses_are_said(self):
        row = self.row([3, 3], [2, 2])
        self.assertEqual((figures.standing(row), figures.standing_text(row)), ("behind", "1.5 x behind"))
        self.assertEqual(figures.standing(self.row([1, 3, 2], [2, 2, 2])), "even")

    def test_not_run_fails_what_is_required(self):
        self.assertTrue(figures.failed(figures.not_run("run", "x", 1, "x", need=[rows.value(1)])))
        self.assertFalse(figures.failed(figures.not_run("run", "x", 1, "x")))

    def test_growth_per_decade(self):
        flat = growth.judged("gs_yield", "ns", {1: [10], 10: [14], 100: [20]})
        steep = growth.judged("gs_yield", "ns", {1: [10], 10: [10], 100: [16]})
        self.assertEqual((flat["result"], steep["result"]), ("pass", "FAIL"))
        self.assertAlmostEqual(steep["worst_decade"], 1.6)

    def test_growth_below_a_decade(self):
        self.assertAlmostEqual(growth.worst_decade([[1, 10, 0, 0], [4, 20, 0, 0]]), 2 ** (1 / 0.60206), places=3)


class Counting(unittest.TestCase):
    OUTPUT = ["ob=/a", "fn=f", "0x10 1 7", "calls=3 0x50 1", "0x14 1 900", "0x18 1 5", "ob=/b", "0x10 2 1"]

    def test_calls_are_not_counted_twice(self):
        found = instructions.self_costs(self.OUTPUT)
        self.assertEqual(found, {"/a": {0x10: 7, 0x18: 5}, "/b": {0x10: 1}})

    def test_least_run_counts(self):
        runs = [{"/a": {0x10: 9, 0x18: 2}}, {"/a": {0x10: 7, 0x18: 1}}]
        sums = instructions.summed(runs, lambda path: {"locked": {0x18}})
        self.assertEqual(sums, {"instructions": 8, "locked": 1})


class Results(unittest.TestCase):
    def setUp(self):
        self.document = common.read_json(SAMPLE)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_table(self):
        text = report.markdown(self.document)
        self.assertIn("ahead in 3 rows, even in 0, behind in 1. Required: 3 met, 2 missed, 1 not run", text)
        self.assertIn("- behind: echo, 100 connections, epoll beside raw, 1 P: 1.25 x behind", text)
        self.assertIn("- missed: growth of yield with Gs", text)
        for row in self.document["rows"]:
            self.assertIn(row["title"], text)

    def test_publish(self):
        path = self.folder / "doc.md"
        path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        report.publish(path, "new\n")
        self.assertEqual(path.read_text(), f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n")
        path.write_text("no markers\n")
        self.assertRaises(ValueError, report.publish, path, "new\n")

    def test_document_has_the_markers(self):
        text = (ROOT / "docs" / "benchmarks.md").read_text()
        self.assertLess(text.index(report.BEGIN), text.index(report.END))

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_charts(self):
        drawn = charts.draw_all(self.document, str(self.folder / "sample"))
        self.assertEqual(len(drawn), 3)
        for path in drawn:
            texts = " ".join(xml.etree.ElementTree.parse(path).getroot().itertext())
            self.assertIn("2026-01-01", texts)

    def test_nothing_to_draw(self):
        self.assertEqual(charts.draw_all(dict(self.document, rows=[], growth=[]), str(self.folder / "empty")), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
