"""Captions that are written in pieces, and scored meanwhile."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import set_seed
from trl import GRPOTrainer

from balcap.config import RolloutSettings, TrainSettings
from balcap.errors import JudgeError, UserError
from balcap.heads.judge_wait import JudgeWait
from balcap.heads.scoring import score
from balcap.runs.folder import RunFolder
from balcap.runs.rollouts import Rollouts
from balcap.training.engine_check import check_chunks
from balcap.training.pieces import piece_of, pieces
from balcap.types import Caption, Sample
from helpers.heads import Brief, Letters
from helpers.trainer import make
from helpers.training import command, without_seconds

FAMILIES = ["qwen2.5-vl", "llava-1.5"]


@pytest.mark.parametrize(
    ("rows", "chunks", "found"),
    [
        (16, 1, [(0, 16)]),
        (16, 4, [(0, 4), (4, 8), (8, 12), (12, 16)]),
        (12, 2, [(0, 8), (8, 12)]),  # three groups: 1.5 is rounded to 2
        (8, 4, [(0, 4), (4, 8)]),  # no piece is less than a group
        (6, 2, [(0, 4), (4, 6)]),
    ],
)
def test_pieces_are_whole_groups(rows: int, chunks: int, found: list[tuple[int, int]]) -> None:
    assert [(piece.start, piece.stop) for piece in pieces(rows, 4, chunks)] == found


def test_patches_go_with_their_images() -> None:
    # grids of 1x2x2, 1x1x2 and 1x1x1 patches: 4 + 2 + 1 of them, those of the last two are 4 to 6
    fields = {
        "pixel_values": np.arange(7),
        "image_grid_thw": [[1, 2, 2], [1, 1, 2], [1, 1, 1]],
        "mm_token_type_ids": [[0], [1], [2]],
    }
    piece = piece_of(fields, 3, slice(1, 3))
    assert piece["pixel_values"].tolist() == [4, 5, 6]
    assert piece["image_grid_thw"] == [[1, 1, 2], [1, 1, 1]]
    assert piece["mm_token_type_ids"] == [[1], [2]]


def test_a_field_that_cannot_be_cut_is_named() -> None:
    with pytest.raises(UserError, match="one row of tiles an image"):
        piece_of({"tiles": [1, 2, 3]}, 2, slice(0, 1))


@pytest.mark.parametrize(("chunks", "processes"), [(3, 1), (2, 2), (2, 4)])
def test_more_pieces_than_groups_are_refused(chunks: int, processes: int) -> None:
    # 16 captions in groups of 8: two groups; a process of two has one of them, of four half a one
    settings = TrainSettings(
        policy="tiny-qwen2.5-vl", batch=16, group_size=8, rollout=RolloutSettings(chunks=chunks)
    ).resolved()
    with pytest.raises(UserError, match=r"rollout.chunks is .* use fewer pieces"):
        check_chunks(settings, processes)


def trained(
    policy: Path, folder: Path, **settings: Any
) -> tuple[list[Rollouts], list[torch.Tensor]]:
    kept: list[Rollouts] = []
    set_seed(0)
    trainer = make(
        policy,
        folder,
        [Letters(), Brief()],
        on_rollouts=lambda step, rollouts, seconds: kept.append(rollouts),
        steps=2,
        **settings,
    )
    trainer.train()
    return kept, [p.detach().clone() for p in trainer.model.parameters()]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_number_hangs_on_when_pieces_are_scored(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit: captions, advantages and weights, with the early start and without."""
    early, weights = trained(fresh_policies[family], tmp_path / "early", chunks=4)
    with monkeypatch.context() as without:
        without.setattr(JudgeWait, "begin", lambda *_: None)
        late, others = trained(fresh_policies[family], tmp_path / "late", chunks=4)
    for one, other in zip(early, late, strict=True):
        assert [row.text for row in one.rows] == [row.text for row in other.rows]
        assert np.array_equal(one.credit.advantage, other.credit.advantage)
    assert all(torch.equal(*pair) for pair in zip(weights, others, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_piece_sees_its_own_pictures(
    family: str, fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    """Of the likeliest tokens alone, the captions of four pieces are those of one."""
    greedy = {"top_k": 1}
    one, _ = trained(fresh_policies[family], tmp_path / "one", chunks=1, **greedy)
    four, _ = trained(fresh_policies[family], tmp_path / "four", chunks=4, **greedy)
    assert [r.text for r in one[0].rows] == [r.text for r in four[0].rows]
    assert len({r.text for r in one[0].rows}) > 1


class Watched(Letters):
    """Says when it has scored, and never in two threads at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.scored = threading.Event()
        self.inside = threading.Lock()

    def score(self, captions: Sequence[Caption]) -> Sequence[float]:
        assert self.inside.acquire(blocking=False)
        self.seen.append(len(captions))
        self.scored.set()
        scores = super().score(captions)
        self.inside.release()
        return scores


def test_a_piece_is_scored_while_the_next_is_written(
    fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, calls, in_vain = Watched(), 0, False
    original = GRPOTrainer._generate_single_turn

    def written(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls, in_vain
        calls += 1
        if calls > 1:
            in_vain |= not head.scored.wait(20)
        return original(*args, **kwargs)

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", written)
    make(fresh_policies["llava-1.5"], tmp_path, [head, Brief()], chunks=4).train()
    assert calls == len(head.seen) == 4
    assert not in_vain


SAMPLES = [Sample(name, "Describe.") for name in "ab"]
CAPTIONS = [Caption(sample, text) for sample in SAMPLES for text in ("A cat.", "A star", "Aa")]


def test_scores_of_pieces_are_those_of_the_whole() -> None:
    heads, wait = [Letters(), Brief()], JudgeWait(exchange=lambda report: [report])
    begun = None
    for piece in (slice(0, 2), slice(2, 5), slice(5, 6)):
        begun = wait.begin(heads, CAPTIONS[piece], begun)
    found, whole = wait.score(heads, CAPTIONS, begun), score(heads, CAPTIONS)
    assert found.cells == whole.cells
    assert found.matrix.group.tolist() == whole.matrix.group.tolist() == [0, 0, 0, 1, 1, 1]


class DownAtFirst(Letters):
    """Its judge does not answer the first piece."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def score(self, captions: Sequence[Caption]) -> Sequence[float]:
        self.asked.append(len(captions))
        if len(self.asked) == 1:
            raise JudgeError("down")
        return super().score(captions)


def test_of_a_piece_that_failed_only_its_captions_are_asked_again() -> None:
    head, wait = DownAtFirst(), JudgeWait(exchange=lambda report: [report])
    begun = wait.begin([head], CAPTIONS[:2])
    begun.first[0].result()
    found = wait.score([head], CAPTIONS, wait.begin([head], CAPTIONS[2:], begun))
    assert head.asked == [2, 4, 2]
    assert found.cells == score([Letters()], CAPTIONS).cells


def test_two_processes_write_in_pieces_and_a_resumed_run_is_the_unbroken_one(
    fresh_policies: dict[str, Path], tmp_path: Path
) -> None:
    whole = RunFolder(tmp_path / "whole")
    two(
        *command(fresh_policies["qwen2.5-vl"], whole.path), "--eval-samples", "0",
        "--batch", "16", "--rollout.chunks", "2", "--steps", "2", "--save-every", "1",
    )  # fmt: skip
    parts = RunFolder(tmp_path / "parts")
    shutil.copytree(whole.path, parts.path)
    shutil.rmtree(parts.last_checkpoint())
    assert parts.last_step() == 1
    two("train", "--resume", str(parts.path))
    assert without_seconds(parts) == without_seconds(whole)
    tables = [pd.read_parquet(run.rollouts / "step_000002.parquet") for run in (whole, parts)]
    assert tables[0]["caption"].nunique() > 1
    assert tables[0]["caption"].tolist() == tables[1]["caption"].tolist()


def two(*arguments: str) -> None:
    """Run balcap in two processes."""
    launch = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
    whole = [sys.executable, *launch, "-m", "balcap", *arguments]
    done = subprocess.run(whole, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
