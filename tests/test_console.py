"""What a person sees."""

import subprocess
import sys

import pytest

from balcap.console import clock, number, table
from balcap.runs.summary_text import caption_pairs, score_table
from balcap.training.progress import Progress


def test_clock_and_number() -> None:
    assert [clock(s) for s in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]
    assert [number(v) for v in (0.12345, None)] == ["0.123", "-"]


def test_the_progress_line_has_scores_length_pace_and_eta() -> None:
    progress = Progress(steps=120, done=20, heads=["qa"])
    metrics = {"reward/qa/mean": 0.5, "length/words": 41.6, "gate/pass": 0.9}
    # 20 steps in 10 s since step 20: half a second each, and 80 to come
    assert progress.line(40, metrics, 10.0) == (
        "step 40/120  qa 0.500  42 words  in band 90%  0.50 s/step  ETA 0:40"
    )


def test_outside_a_terminal_the_line_comes_now_and_then_and_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(steps=50, done=0, heads=[])
    for step in range(1, 51):
        progress.show(step, {"length/words": 1.0})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/50", "50/50"]


def test_columns_are_aligned() -> None:
    assert table([{"": "a", "x": "1"}, {"": "bbb", "x": "22"}]).splitlines() == [
        "      x",
        "-------",
        "a     1",
        "bbb  22",
    ]


def test_the_score_table_shows_the_sampled_change_and_its_interval_and_greedy() -> None:
    summary = {
        "before": {"qa": 0.5, "harmonic_mean": None, "words": 9.0},
        "after": {"qa": 0.75, "harmonic_mean": None, "words": 30.0},
        "before_greedy": {"qa": 0.6, "harmonic_mean": None, "words": 8.0},
        "change": {"qa": {"value": 0.25, "low": -0.1, "high": 0.5}},
        "harmonic_mean_of": ["qa", "cov"],
    }
    lines = score_table(summary, ["qa"]).splitlines()
    assert lines[0].split() == ["before", "after", "change", "95%", "interval", "greedy"]
    assert lines[2].split() == ["qa", "0.500", "0.750", "+0.250", "-0.100", "to", "+0.500", "0.600"]
    assert lines[3].split() == ["harmonic_mean", "-", "-", "-", "-"]
    assert lines[4].split() == ["words", "9.0", "30.0", "+21.0", "8.0"]
    assert lines[-1].startswith("harmonic_mean: of qa, cov. 95% interval: of the change, paired")


def test_an_interrupted_run_has_a_table_of_what_it_has() -> None:
    lines = score_table({"before": {"qa": 0.5}}, ["qa"]).splitlines()
    assert lines[0].split() == ["before"]


def test_captions_before_and_after_stand_under_each_other() -> None:
    def row(text: str, score: float | None) -> dict[str, object]:
        return {"sample": "s", "caption": text, "scores": {"qa": score}}

    shown = caption_pairs([row("short", 0.1)], [row("", None)])
    assert [line.strip() for line in shown.splitlines()] == [
        "s",
        "before  short",
        "qa 0.100",
        "after   (empty)",
        "qa -",
    ]


def test_a_reader_who_leaves_does_not_end_the_work() -> None:
    code = (
        "from balcap.console import say\n"
        "for number in range(100_000): say(str(number))\n"
        "import sys; print('done', file=sys.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == "done\n"
    assert process.wait() == 0
