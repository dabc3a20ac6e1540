"""`balcap.integrations.verl`, in what verl 0.9.1 publishes, and in verl where it is installed.

The latter takes half a minute: `pip install --no-deps verl==0.9.1 tensordict==0.10.0`, and
`TransferQueue hydra-core codetiming torchdata pylatexenc cachetools nvtx`.
"""

from __future__ import annotations

import asyncio
import math
import shlex
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from balcap.errors import JudgeGoneError, RunError, UserError
from balcap.heads.lengths import ratios
from balcap.heads.scoring import score
from balcap.integrations.verl import told
from balcap.integrations.verl.__main__ import main
from balcap.integrations.verl.settings import settings_for
from balcap.types import Caption, Sample
from helpers import counting_heads
from helpers.pages import ROOT
from helpers.verl_engines import Engine, Itself, Published

FILE = counting_heads.__file__
HEADS = f"{FILE}:Points=1,{FILE}:Wordy=0.5,{FILE}:Width=0.25"
TEXTS = ["a 1", "a b 3", "a b c 9", "6", *("a 7", "b b b 7", "c c c c c 7", "d " * 9 + "7")]
UIDS = ["u1"] * 4 + ["u2"] * 4
REFERENCE = "one two three four"  # 2 to 8 words are in the band
WIDTHS = {"u1": 50, "u2": 20}


def settings_file(folder: Path, *lines: str, rewards: str = HEADS) -> str:
    file = folder / "heads.yaml"
    file.write_text("\n".join([f"rewards: {rewards}", *lines]))
    return str(file)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The interface, with settings in `heads.yaml`."""
    monkeypatch.setenv("BALCAP_CONFIG", settings_file(tmp_path))
    return Published(monkeypatch)


@pytest.fixture(params=["published", "itself"])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """Either, started with the arguments for `heads.yaml`."""
    monkeypatch.setenv("BALCAP_CONFIG", str(tmp_path / "heads.yaml"))
    if request.param == "published":
        yield Published(monkeypatch)
        return
    if find_spec("verl") is None or find_spec("transfer_queue") is None:
        pytest.skip("verl is not installed")
    itself = Itself()
    with itself.running():
        yield itself


def picture(uid: str) -> Image.Image:
    return Image.new("RGB", (WIDTHS[uid], 10))


def fields_of(uid: str, **more: Any) -> dict[str, Any]:
    """verl's columns of a prompt, its image within the turns."""
    turns = [{"role": "user", "content": [
        {"type": "image", "bytes": b"as in the data", "image": picture(uid)},
        {"type": "text", "text": "Describe it."},
    ]}]  # fmt: skip
    return {
        "uid": uid, "id": f"image of {uid}", "reference": REFERENCE, "raw_prompt": turns,
        "facts": ["a fact", "another"], "extra_info": {}, "global_steps": 1, **more,
    }  # fmt: skip


def scored(engine: Engine, texts: list[str], uids: list[str], **more: Any) -> list[dict[str, Any]]:
    """What verl's reward worker has of captions that come in at the same time."""
    rollouts = [
        engine.rollout(text, fields_of(uid, **more)) for text, uid in zip(texts, uids, strict=True)
    ]

    async def all_of_them() -> list[dict[str, Any]]:
        manager = engine.manager()
        return await asyncio.gather(*(manager.run_single(rollout) for rollout in rollouts))

    return asyncio.run(all_of_them())


def batch_of(engine: Engine, answers: list[dict[str, Any]], uids: list[str]) -> Any:
    """The rows of a step in verl's queue, caption i of i + 1 tokens, and one that fills it up."""
    rows = [
        {
            "uid": uid,
            "extra_fields": {"reward_extra_info": answer["reward_extra_info"]},
            "response_mask": torch.ones(i + 1, dtype=torch.int64),
            "rm_scores": torch.full((i + 1,), answer["reward_score"]),
        }
        for i, (uid, answer) in enumerate(zip(uids, answers, strict=True))
    ]
    filling = {**rows[0], "uid": "pad", "response_mask": torch.zeros(1, dtype=torch.int64)}
    keys = [*(f"{uid}_{i}_0" for i, uid in enumerate(uids)), "pad_0_0"]
    tags = [{} for _ in uids] + [{"is_padding": True}]
    return engine.stored([*rows, filling], keys, tags)


@pytest.mark.parametrize("lines", [(), ("normalizer: rvpo", "gate: post")])
def test_verl_trains_on_balcaps_advantages(
    lines: tuple[str, ...], engine: Engine, tmp_path: Path
) -> None:
    """Two groups of 4, with a missing score and with captions out of the band."""
    file = settings_file(tmp_path, "gate_heads: wordy", *lines)
    answers = scored(engine, TEXTS, UIDS)
    batch = batch_of(engine, answers, UIDS)
    trainer, metrics = engine.trainer(), {}
    trainer._compute_advantage(batch, metrics)

    captions = [
        Caption(Sample(uid, "", picture(uid), REFERENCE), text)
        for uid, text in zip(UIDS, TEXTS, strict=True)
    ]
    settings = settings_for(file)
    matrix = score(settings.heads, captions).matrix
    credit = settings.rule(matrix, ratios(captions, "words", len))
    assert credit.in_band.tolist() == [True, True, True, False, True, True, True, False]
    assert len(set(np.abs(credit.advantage).round(6))) > 4
    *rows, filling = engine.trained_on(batch)
    for i, row in enumerate(rows):
        np.testing.assert_allclose(row, [credit.advantage[i]] * (i + 1), rtol=1e-6)
    assert filling == [0.0]
    assert metrics["balcap/reward/points/unscored"] == 1 / 8
    assert metrics["balcap/gate/pass"] == 6 / 8
    assert type(trainer.replay_buffer).__name__ == "ReplayBuffer"  # not the asynchronous one


def test_what_a_worker_tells(engine: Engine, tmp_path: Path) -> None:
    """0.3 + 0.5 * 3 / 10 + 0.25 * 50 / 100 = 0.575 of a caption; without one of them no sum."""
    settings_file(tmp_path)
    whole, part = scored(engine, ["a b 3", "a b 9"], ["u1", "u1"])
    assert whole["reward_score"] == pytest.approx(0.575)
    assert whole["reward_extra_info"] == {
        "balcap/points": 0.3, "balcap/wordy": 0.3, "balcap/width": 0.5, "balcap_ratio": 0.75,
        "balcap_fault": "", "balcap_failure/points": "", "balcap_failure/wordy": "",
        "balcap_failure/width": "",
    }  # fmt: skip
    assert math.isnan(part["reward_score"])
    assert part["reward_extra_info"]["balcap/points"] is None
    assert part["reward_extra_info"].keys() == whole["reward_extra_info"].keys()


def test_a_caption_that_cannot_be_scored_stops_the_training(
    published: Engine,
) -> None:
    """verl only logs what a manager raises, and trains without the caption."""
    answers = scored(published, ["a 1"], ["u1"]) + scored(published, ["no number"], ["u1"])
    batch, trainer = batch_of(published, answers, ["u1", "u1"]), published.trainer()
    with pytest.raises(RunError, match=r"1 of 2 .* HeadError: reward head 'points' raised"):
        trainer._compute_advantage(batch, {})
    faults = {"balcap_fault": ["", answers[1]["reward_extra_info"]["balcap_fault"]]}
    with pytest.raises(RunError, match="1 of 2 captions could not be scored"):
        trainer._val_metrics_update([], [], faults, [], expected_acc_counts=None)
    assert trainer._val_metrics_update([], [], {"balcap_fault": [""]}, []) == {"val-core": 1.0}


def test_a_row_without_an_id_or_a_readable_image_is_a_fault(
    published: Engine,
) -> None:
    missing = [{"role": "user", "content": [{"type": "image", "image": "/gone.png"}]}]
    for more, message in [({"id": None}, "no column 'id'"), ({"raw_prompt": missing}, "gone.png")]:
        (answer,) = scored(published, ["a 1"], ["u1"], **more)
        assert message in answer["reward_extra_info"]["balcap_fault"]


@pytest.mark.parametrize(("allowed", "stops"), [(0.1, True), (1.0, False)])
def test_a_judge_that_is_down_stops_the_training(
    allowed: float, stops: bool, published: Engine, tmp_path: Path
) -> None:
    rewards = f"{FILE}:Wordy,{FILE}:Down"
    settings_file(tmp_path, f"max_unscored: {allowed}", rewards=rewards)
    batch = batch_of(published, scored(published, ["a 1", "b b 2"], ["u1", "u1"]), ["u1", "u1"])
    trainer = published.trainer()
    if not stops:
        trainer._compute_advantage(batch, {})
        assert published.trained_on(batch)[0][0] < 0 < published.trained_on(batch)[1][0]
        return
    with pytest.raises(
        JudgeGoneError, match=r"'down' left 2 of 2 .*the judge is down.*allows 0\.1"
    ):
        trainer._compute_advantage(batch, {})


def test_another_reward_manager_is_noticed() -> None:
    with pytest.raises(RunError, match=r"1 of 1 .* its reward manager is not balcap's"):
        told.scores_of([{"acc": 1.0}], ["u1"], ["points"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("algorithm.adv_estimator", "gdpo"),
        ("algorithm.use_kl_in_reward", True),
        ("reward.reward_model.enable", True),
        ("reward.reward_manager.name", "naive"),
        ("actor_rollout_ref.rollout.n", 1),
    ],
)
def test_a_start_that_gives_other_advantages_is_refused(
    key: str, value: Any, published: Engine
) -> None:
    *folders, last = key.split(".")
    place = published.config
    for folder in folders:
        place = getattr(place, folder)
    setattr(place, last, value)
    with pytest.raises(UserError, match=f"verl has {key}={value}"):
        published.trainer()


def test_the_estimator_is_refused_in_verls_own_trainers(
    published: Engine,
) -> None:
    published.trainer()
    from balcap.integrations.verl.trainer import hand_on

    with pytest.raises(UserError, match=r"trainer\.v1\.trainer_mode=balcap"):
        hand_on(token_level_rewards=None, response_mask=torch.ones(1, 1))


def test_several_outputs_of_a_rollout_are_refused(
    published: Engine,
) -> None:
    batch = published.stored([{}, {}], ["u1_0_0", "u1_0_1"], [{}, {}])
    with pytest.raises(UserError, match="several outputs of one rollout"):
        published.trainer()._compute_advantage(batch, {})


def test_without_settings_the_plugin_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """verl loads it in each of its processes, also for those who train without balcap."""
    monkeypatch.delenv("BALCAP_CONFIG", raising=False)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["verl.plugins"] == {"balcap": "balcap.integrations.verl.plugin"}
    published = Published(monkeypatch)
    with pytest.raises(KeyError, match="balcap"):
        published.trainer()


def test_the_arguments_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([settings_file(tmp_path, "normalizer: gd2po", "gate: post")]) == 0
    printed = shlex.split(capsys.readouterr().out)
    assert "algorithm.adv_estimator=balcap" in printed
    variable = "+ray_kwargs.ray_init.runtime_env.env_vars.BALCAP_CONFIG"
    assert printed[-1] == f"{variable}={tmp_path / 'heads.yaml'}"
    assert main([settings_file(tmp_path, "length_unit: tokens", "gate_heads: wordy")]) == 2
    assert "length_unit is tokens" in capsys.readouterr().err
    assert main([]) == 2
