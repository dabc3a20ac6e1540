"""`balcap.integrations.ms_swift` against a stand-in of ms-swift 4.6's published interface."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from balcap.advantage.rule import AdvantageRule
from balcap.config import RewardSettings
from balcap.errors import UserError
from balcap.heads.lengths import ratios
from balcap.heads.scoring import score
from balcap.integrations import ms_swift
from balcap.types import Caption, Sample
from helpers import counting_heads
from helpers.counting_heads import Points, Wordy
from helpers.pages import ROOT, blocks

FILE = counting_heads.__file__
HEADS = f"{FILE}:Points=1,{FILE}:Wordy=0.5"


class ORM:
    """The base class of a reward, as published."""

    def __init__(self, args: Any = None, **kwargs: Any) -> None:
        self.args = args


@pytest.fixture
def orms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """ms-swift's table of rewards, in a module of that name."""
    module = ModuleType("swift.rewards")
    table: dict[str, Any] = {"format": ORM}
    module.ORM, module.orms = ORM, table  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "swift", ModuleType("swift"))
    monkeypatch.setitem(sys.modules, "swift.rewards", module)
    return table


def settings_file(folder: Path, *lines: str, rewards: str = HEADS) -> str:
    file = folder / "heads.yaml"
    file.write_text("\n".join([f"rewards: {rewards}", *lines]))
    return str(file)


def batch_of(names: Sequence[str], **columns: Sequence[Any]) -> dict[str, Any]:
    """What ms-swift calls a reward with, beside the completions: columns [N], and its state."""
    return {
        "trainer_state": object(),
        "messages": [[{"role": "user", "content": "?"}] for _ in names],
        "prompt_id": [f"p-{name}" for name in names],
        "request_id": [f"r{i}" for i in range(len(names))],
        "response_token_ids": [[[1, 2]] for _ in names],
        "objects": [None for _ in names],
        "id": list(names),
        **columns,
    }


def started_with(scale: str, weights: list[float] | None) -> SimpleNamespace:
    return SimpleNamespace(scale_rewards=scale, reward_weights=weights, advantage_estimator="grpo")


def their_gdpo(rewards: torch.Tensor, weights: Sequence[float], size: int) -> torch.Tensor:
    """GDPO as ms-swift 4.6 counts it: float32, 1e-8 beside every deviation."""
    total = torch.zeros(len(rewards))
    for column, weight in zip(rewards.T, weights, strict=True):
        groups = column.view(-1, size)
        centred = groups - torch.nanmean(groups, dim=1, keepdim=True)
        count = (~groups.isnan()).sum(dim=1, keepdim=True)
        std = (torch.nanmean(centred**2, dim=1, keepdim=True) * count / (count - 1)).sqrt()
        total += weight * torch.nan_to_num(centred / (std + 1e-8), nan=0.0).view(-1)
    return (total - total.mean()) / (total.std() + 1e-8)


def test_gated_gdpo_in_their_formula_is_balcaps(
    tmp_path: Path, orms: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of 4 with a missing score, captions out of the band, and points that are all 0.7.

    The reference has 4 words: 2 to 8 words are in the band.
    """
    file = settings_file(tmp_path, "normalizer: gdpo", "gdpo: {eps: 1.0e-8}", "gate_heads: wordy")
    monkeypatch.setenv("BALCAP_CONFIG", file)
    plugin, *_ = blocks(ROOT / "docs/how-to/use-with-ms-swift.md", "py")
    exec(plugin, {})
    texts = ["a 1", "a b 3", "a b c 9", "6", *("a 7", "b b b 7", "c c c c c 7", "d " * 9 + "7")]
    names = ["x"] * 4 + ["y"] * 4
    batch = batch_of(names, reference=["one two three four"] * 8)
    args = started_with("gdpo", [1.0, 0.5])
    columns = [orms[f"balcap_{name}"](args)(texts, **batch) for name in ("points", "wordy")]
    assert columns[0][2] is None
    rewards = torch.tensor(
        [[float("nan") if each is None else each for each in column] for column in columns]
    ).T

    captions = [
        Caption(Sample(name, "", reference="one two three four"), text)
        for name, text in zip(names, texts, strict=True)
    ]
    rule = AdvantageRule.of(
        RewardSettings(gate_heads="wordy", methods={"gdpo": {"eps": 1e-8}}),
        {"points": 1.0, "wordy": 0.5},
    )
    credit = rule(score([Points(), Wordy()], captions).matrix, ratios(captions, "words", len))
    assert credit.in_band.tolist() == [True, True, True, False, True, True, True, False]
    np.testing.assert_allclose(their_gdpo(rewards, [1, 0.5], 4), credit.advantage, atol=2e-4)


@pytest.mark.parametrize("size", [3, 6, 8, 16, 32])
def test_equal_scores_have_no_advantage_in_float32(
    tmp_path: Path, orms: dict[str, Any], size: int
) -> None:
    """0.7 is no sum of halves: unrounded, its mean over 8 differs from it in float32."""
    ms_swift.register(settings_file(tmp_path))
    texts = ["a 7"] * size + [f"a {i % 9}" for i in range(size)]
    values = orms["balcap_points"]()(texts, **batch_of(["x"] * size + ["y"] * size))
    assert abs(values[0] - 0.7) <= 2**-17
    advantages = their_gdpo(torch.tensor(values)[:, None], [1.0], size)
    assert advantages[:size].abs().max() < 1e-6
    assert advantages[size:].abs().max() > 0.5


def test_a_class_a_head_under_the_heads_name(tmp_path: Path, orms: dict[str, Any]) -> None:
    ms_swift.register(settings_file(tmp_path))
    assert set(orms) == {"format", "balcap_points", "balcap_wordy"}
    reward = orms["balcap_wordy"]()
    assert isinstance(reward, ORM)
    assert type(reward).__name__ == "wordy"


def test_images_in_every_form_that_ms_swift_has(tmp_path: Path, orms: dict[str, Any]) -> None:
    ms_swift.register(settings_file(tmp_path, rewards=f"{FILE}:Width"))
    picture, held = Image.new("RGB", (50, 10)), io.BytesIO()
    picture.save(held, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(held.getvalue())
    rows = [
        [picture],
        [str(path)],
        [{"bytes": None, "path": str(path)}],
        [{"bytes": held.getvalue(), "path": None}],
    ]
    values = orms["balcap_width"]()(["t"] * 4, **batch_of("abcd", images=rows))
    assert values == [0.5] * 4


@pytest.mark.parametrize(("scale", "weights"), [("group", [1, 0.5]), ("gdpo", None)])
def test_a_start_that_asks_for_other_advantages_is_refused(
    tmp_path: Path, orms: dict[str, Any], scale: str, weights: list[float] | None
) -> None:
    ms_swift.register(settings_file(tmp_path))
    with pytest.raises(UserError, match=r"--reward_weights 1\.0 0\.5 --scale_rewards gdpo"):
        orms["balcap_wordy"](started_with(scale, weights))


def test_the_arguments_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ms_swift.main([settings_file(tmp_path, "normalizer: dr_grpo")]) == 0
    assert capsys.readouterr().out == (
        "--reward_funcs balcap_points balcap_wordy --reward_weights 1.0 0.5 "
        "--scale_rewards none --advantage_estimator grpo\n"
    )
    assert ms_swift.main([settings_file(tmp_path, "normalizer: gd2po")]) == 2
    assert "normalizer is 'gd2po', which ms-swift does not have" in capsys.readouterr().err


def test_without_settings_or_ms_swift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BALCAP_CONFIG", raising=False)
    with pytest.raises(UserError, match="BALCAP_CONFIG is not set"):
        ms_swift.register()
    monkeypatch.setitem(sys.modules, "swift", None)
    with pytest.raises(UserError, match="pip install 'ms-swift"):
        ms_swift.register("heads.yaml")
