"""`balcap runs` and `balcap runs show`: which runs are there, and what came of them?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from balcap.advantage.gates import find_gate
from balcap.advantage.normalizers import find_normalizer
from balcap.analysis.frames import a_run, config_of, flat, json_of
from balcap.analysis.overview import runs_df
from balcap.analysis.shared_heads import over_shared_heads
from balcap.config import (
    LoraSettings,
    RunsSettings,
    SftSettings,
    ShowSettings,
    TrainSettings,
    plain,
)
from balcap.console import between, filled, fits, number, say, table
from balcap.errors import UserError
from balcap.heads import find
from balcap.heads.selection import parse_weighted
from balcap.runs import provenance
from balcap.runs.changes import (
    HARMONIC_MEAN,
    change_of,
    changes,
    heads_of_harmonic_mean,
    with_changes,
)
from balcap.runs.folder import RunFolder
from balcap.runs.summary_text import INTERVAL_NOTE, score_table
from balcap.statistics import Interval


def run(settings: RunsSettings) -> int:
    """Print one line a run; returns the exit code.

    Raises:
        UserError: if one of the paths is no folder.
    """
    runs = runs_df(settings.folders)
    if runs.empty:
        say(f"no runs in {', '.join(map(str, settings.folders))} yet; start one: balcap train")
        return 0
    runs, shared = over_shared_heads(runs)
    say(_table([_line(row, shared.heads) for row in runs.to_dict("records")]))
    if shared.note:
        say(f"\n{filled(f'{shared.note}. {INTERVAL_NOTE}')}")
    return 0


def _table(rows: list[dict[str, str]]) -> str:
    """The table; on a terminal that is too narrow, what all runs have in common stands above it."""
    same = {
        name: value
        for name, value in rows[0].items()
        if name != "run" and len(rows) > 1 and all(row[name] == value for row in rows)
    }
    if fits(rows) or not same:
        return table(rows)
    told = ", ".join(f"{name} {value}" for name, value in same.items())
    rest = [{name: row[name] for name in row if name not in same} for row in rows]
    return f"{filled(f'in all of them: {told}')}\n\n{table(rest)}"


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
        balanced = heads_of_harmonic_mean(summary, config)
        summary = with_changes(summary, json_of(folder.captions), balanced)
        summary["harmonic_mean_of"] = balanced
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


def _line(row: Mapping[Any, Any], shared: Sequence[str]) -> dict[str, str]:
    """A run as a row of the table, its harmonic mean over the shared heads."""
    rewards = ",".join(part.rpartition(":")[2] for part in _text(row.get("rewards")).split(","))
    before, after = (_known(row.get(f"{side}.{HARMONIC_MEAN}")) for side in ("before", "after"))
    sure = before is not None and after is not None
    return {
        "run": str(row["path"]),
        "policy": _text(row.get("policy")),
        "rewards": rewards,
        "normalizer": _text(row.get("normalizer")),
        "gate": _text(row.get("gate")),
        "steps": _steps(row),
        "harmonic mean": f"{number(before)} -> {number(after)}",
        "95% interval": between(_interval(row, shared)) if sure else "",
        "state": str(row["state"]),
    }


def _interval(row: Mapping[Any, Any], shared: Sequence[str]) -> Interval | None:
    """Of the change of the harmonic mean over the shared heads: as the run wrote it down if its own
    mean is of the same heads, else of its captions."""
    folder = RunFolder(Path(row["path"]))
    summary = json_of(folder.summary)
    if set(summary.get("harmonic_mean_of", ())) != set(shared):
        both = json_of(folder.captions)
        before, after = both.get("before", []), both.get("after", [])
        summary["change"] = changes(before, after, shared, [HARMONIC_MEAN])
    return change_of(summary, HARMONIC_MEAN)[1]


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


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
