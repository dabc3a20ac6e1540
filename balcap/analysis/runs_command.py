"""`balcap runs` and `balcap runs show`: which runs are there, and what came of them?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from balcap.advantage.gates import find_gate
from balcap.advantage.normalizers import find_normalizer
from balcap.analysis.frames import a_run, config_of, flat, json_of
from balcap.analysis.overview import runs_df
from balcap.config import (
    LoraSettings,
    RunsSettings,
    SftSettings,
    ShowSettings,
    TrainSettings,
    plain,
)
from balcap.console import number, say, table
from balcap.errors import UserError
from balcap.heads import find
from balcap.heads.selection import parse_weighted
from balcap.runs import provenance
from balcap.runs.folder import RunFolder
from balcap.runs.summary_text import score_table


def run(settings: RunsSettings) -> int:
    """Print one line a run; returns the exit code.

    Raises:
        UserError: if one of the paths is no folder.
    """
    runs = runs_df(settings.folders)
    if runs.empty:
        say(f"no runs in {', '.join(map(str, settings.folders))} yet; start one: balcap train")
        return 0
    say(table([_line(row) for row in runs.to_dict("records")]))
    return 0


def show(settings: ShowSettings) -> int:
    """Print one run: how it stands, by which code, what is special about it, its scores.

    Raises:
        UserError: if there is no run in the folder.
    """
    folder = a_run(settings.run)
    config = config_of(folder)
    [row] = runs_df(folder.path).to_dict("records")
    say(f"run {folder.path}: {row['state']}, {_steps(row)} steps")
    say("\n".join(_code(folder)))
    say("\nsettings that are not the defaults:")
    say("\n".join(f"  {name}: {_yaml(value)}" for name, value in special(config)) or "  none")
    summary = json_of(folder.summary)
    if "before" in summary:
        heads = list(summary["before"].get("scored", {}))
        say(f"\n{score_table(summary, heads)}")
    for line in _captions(folder, settings.captions):
        say(line)
    return 0


def _captions(folder: RunFolder, count: int) -> Iterator[str]:
    """The first held-out captions of the newest side, with scores and why they are so."""
    sides = json_of(folder.captions)
    side = "after" if "after" in sides else "before"
    for row in sides.get(side, [])[:count]:
        yield f"\n{row['sample']}, {side} training: {row['caption'] or '(empty)'}"
        for head, value in row["scores"].items():
            said = row.get("explanations", {}).get(head)
            yield f"  {head} {number(value)}" + (f": {said}" if said else "")


def special(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The settings of a run that are not what they would be if nothing had been given.

    Args:
        config: as `config.yaml` holds it.

    Returns:
        Dotted names with values. All settings of a head that can no longer be found are among
        them: nobody knows its defaults.
    """
    defaults = _defaults(config) | {"run": config.get("run")}
    missing = object()
    return [(n, v) for n, v in flat(config).items() if defaults.get(n, missing) != v]


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    rank = (config.get("lora") or {}).get("rank", 0)
    like: dict[str, Any] = {"policy": config["policy"], "lora": LoraSettings(rank=rank)}
    kind: type[TrainSettings] | type[SftSettings] = SftSettings
    if "rewards" in config:
        kind = TrainSettings
        # the default of the batch is the nearest multiple of the group size
        like["group_size"] = config.get("group_size", TrainSettings.group_size)
    filled = flat(plain(kind(**like).resolved()))
    defaults = {n: filled[n] if v is None else v for n, v in flat(plain(kind())).items()}
    return defaults | _defaults_of_methods(config) | _defaults_of_heads(config)


def _defaults_of_methods(config: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for setting, find_method in (("normalizer", find_normalizer), ("gate", find_gate)):
        try:
            method = find_method(str(config.get(setting)))
            defaults |= flat(plain(method()), f"{method.name}.")
        except (UserError, TypeError, ValueError):
            continue
    return defaults


def _defaults_of_heads(config: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for setting in ("rewards", "eval_rewards"):
        for reference in parse_weighted(setting, config.get(setting) or ""):
            try:
                head = find(reference)
                defaults |= flat(plain(head.Config()), f"{head.name}.")
            except (UserError, TypeError, ValueError):
                continue
    return defaults


def _line(row: Mapping[Any, Any]) -> dict[str, str]:
    """A run as a row of the table."""
    rewards = ",".join(part.rpartition(":")[2] for part in _text(row.get("rewards")).split(","))
    sides = (row.get(f"{side}.harmonic_mean") for side in ("before", "after"))
    return {
        "run": str(row["path"]),
        "policy": _text(row.get("policy")),
        "rewards": rewards,
        "normalizer": _text(row.get("normalizer")),
        "gate": _text(row.get("gate")),
        "steps": _steps(row),
        "harmonic mean": " -> ".join(number(None if pd.isna(x) else x) for x in sides),
        "state": str(row["state"]),
    }


def _steps(row: Mapping[Any, Any]) -> str:
    """Steps done, of those asked for where they were."""
    asked = row.get("steps")
    return f"{row['steps_done']}" + ("" if pd.isna(asked) else f"/{asked:.0f}")


def _text(value: Any) -> str:
    return "-" if pd.isna(value) else str(value)


def _code(folder: RunFolder) -> Iterator[str]:
    starts = provenance.starts(folder)
    if not starts:
        yield "code: not known (the run has no code.json)"
        return
    for start, word in zip(starts, ("started", *["resumed"] * len(starts)), strict=False):
        yield f"{word} {start['time']} on {start['process']['host']}, {_commit(start['git'])}"
    yield "  ".join(f"{name} {version}" for name, version in starts[-1]["versions"].items())


def _commit(git: Mapping[str, Any] | None) -> str:
    if git is None:
        return "balcap as an installed package"
    changed = " with uncommitted changes" if git["diff"] or git["untracked"] else ""
    return f"commit {(git['commit'] or 'none')[:10]}{changed}"


def _yaml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
