"""20,000 captions cost 20,000 times the work of one: cells are counted, not seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from balcap.advantage.gates.none import NoGate
from balcap.advantage.normalizers.gdpo import GDPO
from balcap.advantage.rule import AdvantageRule
from balcap.config import ScoreSettings
from balcap.evaluation import score_command
from balcap.heads.lengths import ratios
from balcap.heads.scoring import Scored
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts, rows_of
from balcap.runs.trackers import Trackers
from balcap.training.callbacks import Recorder
from balcap.training.held_out import Band, judge
from balcap.types import Caption, HeadScore, Sample, Unscored

N = 20_000
HEADS = ("a", "b")
MOST = 10  # visits of a row; a loop that makes the table anew for each caption has N


class Counted(tuple[HeadScore, ...]):
    """A row of cells that counts how often it is walked through, all rows together."""

    visits = 0

    def __iter__(self) -> Iterator[HeadScore]:
        Counted.visits += 1
        assert Counted.visits <= MOST * N, "the cells are read again for every caption"
        return super().__iter__()


def scored() -> tuple[list[Caption], Scored]:
    """Head b gives every other caption no score."""
    samples = [Sample(f"s{i}", "?", reference="two words") for i in range(N // 4)]
    captions = [Caption(sample, f"caption {k}") for sample in samples for k in range(4)]
    rows = [(i / N, Unscored("odd") if i % 2 else 0.5) for i in range(N)]
    found = Scored.of(HEADS, rows, [i // 4 for i in range(N)])
    Counted.visits = 0
    return captions, replace(found, cells=tuple(map(Counted, rows)))


def test_rows_of_a_step_and_all_that_a_run_keeps_of_them(tmp_path: Path) -> None:
    captions, found = scored()
    rows = rows_of(captions, found.matrix.group.tolist(), found, "words", len)
    assert [row.reasons for row in rows[:2]] == [(None, None), (None, "odd")]
    assert Counted.visits <= 3 * N  # reasons, explanations and evidence are made once each
    rule = AdvantageRule(GDPO(), dict.fromkeys(HEADS, 1.0), NoGate(), (), (0.5, 2.0))
    folder = RunFolder(tmp_path / "run")
    folder.create("")
    Recorder(folder, None, Trackers()).keep(1, Rollouts.of(HEADS, rows, rule), {})


def test_rows_of_a_score_file() -> None:
    captions, found = scored()
    ratio = ratios(captions, "words", len)
    rows = score_command._rows(captions, found, ratio, ScoreSettings(captions=Path("c.jsonl")))
    assert rows[1]["b.reason"] == "odd"
    assert rows[2]["b.reason"] is None
    assert list(score_command._unscored(found))


def test_held_out_captions() -> None:
    captions, found = scored()

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

    heads: Any = [Named(name) for name in HEADS]
    judged = judge(captions, heads, HEADS, Band(0.5, 2.0, "words", len), lambda *_: found)
    assert judged.summary["scored"] == {"a": N, "b": N // 2}
    assert np.mean([reason == "odd" for reason in judged.reasons["b"]]) == 0.5
