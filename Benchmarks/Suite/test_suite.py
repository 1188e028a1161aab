"""Tests of what makes tables and plots of measurements. Nothing is measured here."""

import os
import tempfile
import unittest
from xml.etree import ElementTree

import catalogue
import charts
import counts
import flames
import report
import results
import running
import tables
from progress import duration


def measured(*runs: float) -> dict:
    return results.summary([{"ns_per_op": run, "others_cpu": 0.0} for run in runs])


COMPARED = {
    "machine": {"processor": "A & B <C>", "cores": 2, "system": "Linux", "date": "2026-01-01"},
    "versions": {"toro": "1", "go": "1.19"},
    "workloads": {
        "queue_spsc": {"toro": measured(8, 9, 10), "go": measured(50, 52, 49), "trio": measured(48_000)},
        "queue_mpmc": {"go": measured(51), "toro": measured(28)},
    },
}
SCALED = {
    "operations": {
        "timers": {
            "summary": "one of them", "law": "O(log n)",
            "sizes": {"1": measured(2), "100": measured(3, 4, 5), "1000000": measured(47)},
        }
    }
}
QUEUES = next(group for group in catalogue.GROUPS if group.name == "queues")


class SuiteTests(unittest.TestCase):
    def test_a_summary_has_the_median_the_least_and_the_most(self):
        self.assertEqual(measured(3, 1, 2)["ns_per_op"], {"median": 2, "min": 1, "max": 3, "runs": 3})

    def test_what_was_measured_earlier_keeps_its_date_and_revision(self):
        stored = {"machine": {}, "versions": {}}
        results.stamp(stored, "spawn", "2026-01-01", "a")
        results.stamp(stored, "queue_spsc", "2026-01-02", "b")
        self.assertEqual((stored["machine"]["date"], stored["versions"]["toro"]), ("2026-01-01, 2026-01-02", "a, b"))
        results.stamp(stored, "spawn", "2026-01-02", "b")
        self.assertEqual((stored["machine"]["date"], stored["versions"]["toro"]), ("2026-01-02", "b"))

    def test_every_line_of_peers_names_a_kind_that_is_measured(self):
        kinds = {group.kind for group in catalogue.GROUPS}
        peers = catalogue.peers("/build", "/toro")
        self.assertEqual({peer.kind for peer in peers}, kinds)
        self.assertEqual(len({(peer.kind, peer.name) for peer in peers}), len(peers))
        self.assertTrue(set(catalogue.CALLBACKS) <= {peer.name for peer in peers})

    def test_the_program_of_a_peer_is_not_env(self):
        peer = catalogue.Peer("prims", "x", ["env", "UVLOOP=1", "/nowhere/python", "x.py"])
        self.assertEqual(peer.program, "/nowhere/python")
        self.assertFalse(peer.is_built)

    def test_a_table_has_toro_first_then_the_best_first(self):
        self.assertEqual(tables.peers_of(COMPARED, QUEUES), ["toro", "go", "trio"])

    def test_a_table_says_the_spread_and_leaves_out_what_was_not_measured(self):
        text = tables.group_tables(COMPARED, QUEUES)
        self.assertIn("| **toro** | 9.00 (8.00–10.0) | 28.0 | — | — |", text)
        self.assertIn("| trio | 48,000 | — | — | — |", text)

    def test_plots_are_well_formed_and_as_wide_as_a_phone(self):
        root = flames.Frame("all", samples=10)
        frame = root.called("$s4Toro7ReactorC6lingerySbSpyAA6WaiterVGF")
        frame.samples = frame.itself = 10
        for picture in (charts.bars(COMPARED, QUEUES), charts.scaling(SCALED), flames.draw(root, COMPARED)):
            drawing = ElementTree.fromstring(picture)
            width = float(drawing.get("viewBox").split()[2])
            self.assertEqual(width, 360)
            self.assertIn("prefers-color-scheme: dark", picture)
            for text in drawing.iter("{http://www.w3.org/2000/svg}text"):
                self.assertLessEqual(float(text.get("x")), width)

    def test_a_longer_bar_is_a_greater_figure(self):
        axis = charts.LogAxis(5, 50_000, 100, 300)
        self.assertEqual([axis.at(value) for value in (1, 1e9)][0], 100)
        self.assertLess(axis.at(5), axis.at(6))
        self.assertAlmostEqual(axis.at(50_000), 300)
        self.assertAlmostEqual(axis.at(100) - axis.at(10), axis.at(1000) - axis.at(100))

    def test_nothing_is_drawn_of_nothing(self):
        self.assertIsNone(charts.bars({}, QUEUES))
        self.assertIsNone(charts.scaling({}))

    def test_publishing_writes_between_the_marks_and_nowhere_else(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/docs")
            os.makedirs(f"{root}/build")
            results.save(f"{root}/build/results.json", COMPARED)
            page = "before\n<!-- measured: queues -->\n\nold\n\n<!-- end -->\nafter\n<!-- measured: http -->\nold\n<!-- end -->\n"
            for document in (f"{root}/docs/Performance.md", f"{root}/README.md"):
                with open(document, "w", encoding="utf-8") as file:
                    file.write(page)
            written = []
            for _ in range(2):
                report.publish(f"{root}/build", root)
                with open(f"{root}/docs/Performance.md", encoding="utf-8") as file:
                    written.append(file.read())
            self.assertEqual(written[0], written[1])
            self.assertTrue(written[0].startswith("before\n<!-- measured: queues -->\n\n![Queues](performance/queues.svg)"))
            self.assertTrue(written[0].endswith("<!-- end -->\nafter\n<!-- measured: http -->\nold\n<!-- end -->\n"))
            self.assertTrue(os.path.exists(f"{root}/docs/performance/queues.svg"))

    def test_what_is_expected_is_read_as_it_is_written(self):
        found = {("spawn", "task"): (7.0, 0.0625), ("queue_spsc", "callback"): (1.0, -0.0)}
        lines = counts.written(found).splitlines()
        self.assertEqual(lines[2].split(), ["spawn", "task", "7.000", "0.062"])
        self.assertEqual(set(counts.expected()), {
            (workload, form) for workload, (forms, _) in counts.WORKLOADS.items() for form in forms.split()
        } | {(role, "task") for role in counts.REQUESTS})

    def test_the_quietest_run_is_kept(self):
        self.assertIn("others_cpu", running.quietest(lambda: {"ns_per_op": 1.0}, 2))

    def test_a_duration_is_minutes_and_seconds(self):
        self.assertEqual(duration(125.4), "2:05")

    def test_names_are_readable(self):
        self.assertEqual(flames.tidy("(1) await resume partial function for handOver(from:to:times:)"), "handOver")
        self.assertEqual(flames.tidy("swift::addStatusRecord(swift::AsyncTask*)"), "addStatusRecord")


if __name__ == "__main__":
    unittest.main()
