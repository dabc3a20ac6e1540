"""A normaliser and a gate of one's own, as their how-to page shows them, outside the checkout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from balcap.advantage.rule import AdvantageRule
from balcap.cli.commands import COMMANDS
from balcap.cli.parser import parse
from balcap.errors import UserError
from balcap.heads.config_file import dump
from helpers.pages import shown

ONE_HEAD = [
    "--rewards",
    f"{Path(__file__).parent / 'helpers' / 'findable_heads.py'}:Plain",
    "--eval-rewards=",
]
RULE, GATE = shown("add-a-method"), shown("add-a-method", 1)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "rule.py").write_text(RULE)
    (tmp_path / "gate.py").write_text(GATE)
    return [
        *ONE_HEAD, "--gate-heads", "plain", "--normalizer", f"{tmp_path}/rule.py:Louder",
        "--gate", f"{tmp_path}/gate.py:Halve",
    ]  # fmt: skip


def test_both_are_found_set_stored_and_used(words: list[str], tmp_path: Path) -> None:
    from helpers.matrices import make

    given = parse(COMMANDS["train"], [*words, "--louder.factor", "3", "--halve.share=0.25"])
    assert given.heads is not None
    written = dump(given.settings, given.heads)
    assert yaml.safe_load(written)["louder"] == {"factor": 3.0}
    assert yaml.safe_load(written)["halve"] == {"share": 0.25}
    (tmp_path / "config.yaml").write_text(written)
    back = parse(COMMANDS["train"], ["--config", str(tmp_path / "config.yaml")])
    rule = AdvantageRule.of(back.settings, {"plain": 1.0})
    rule = AdvantageRule(rule.normalizer, {"a": 1.0}, rule.gate, ("a",), rule.band)
    # 0.8 of which a quarter is left, three times as loud
    assert rule(make([[0.8]]), np.array([1.0])).advantage == pytest.approx([0.6])  # type: ignore[arg-type]


def test_its_settings_are_refused_where_it_is_not_selected(words: list[str]) -> None:
    with pytest.raises(UserError, match=r"no option --louder.factor"):
        parse(COMMANDS["train"], [*ONE_HEAD, "--louder.factor", "3"])


def test_an_unfinished_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text(RULE.split("    def __call__")[0])
    with pytest.raises(UserError, match=r"the normalizer Louder in .* does not define __call__"):
        parse(COMMANDS["train"], [*ONE_HEAD, "--normalizer", f"{tmp_path}/rule.py:Louder"])
