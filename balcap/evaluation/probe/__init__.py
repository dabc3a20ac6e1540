"""`balcap probe`: how can this reward be gamed?

Honest captions of the data, and attacks made of them, are scored by the heads of `--rewards`. An
attack wins if the weighted sum, as the gate of the settings leaves it, likes it better than the
honest captions that it was made of; then the exit code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from balcap.advantage.rule import AdvantageRule
from balcap.config import ProbeSettings, plain
from balcap.console import say
from balcap.data import check_requirements, load
from balcap.errors import RunError, UserError, did_you_mean
from balcap.evaluation.probe.attacks import ATTACKS
from balcap.evaluation.probe.findings import Finding, findings, honest_scores
from balcap.evaluation.probe.picture import heat_map
from balcap.evaluation.probe.running import (
    Trial,
    Tried,
    attacks_of,
    probed,
    score_all,
    weigh,
    write,
)
from balcap.evaluation.probe.table import shown
from balcap.heads import Selected
from balcap.runs.metrics import finite
from balcap.types import Sample

__all__ = ["run"]


def run(settings: ProbeSettings, selected: Selected) -> int:
    """Attack the heads, print the table, write picture and numbers; returns the exit code.

    Returns:
        0 if every attack stays behind, 1 if one wins.

    Raises:
        UserError: for an unknown attack, data without references, or without what a head needs.
        RunError: if nothing could be compared, or the folder cannot be written.
    """
    _check_names(settings.attacks)
    samples = _samples(settings)
    check_requirements(samples, {head.name: head.requires for head in selected.trained})
    trials, left_out = write(samples, attacks_of(settings.attacks, settings.longest), settings.seed)
    say(f"{len(samples)} samples of {settings.data}: {len(trials):,} captions to score")
    rule = AdvantageRule.of(settings, selected.weights)
    scored = score_all(trials, selected.trained, _progress(trials))
    tried = weigh(trials, scored, rule, settings.length_unit, left_out)
    found = findings(tried, selected)
    if not any(finding.compared for finding in found):
        raise RunError(_nothing(tried))
    say(f"\n{shown(tried, found, settings.margin)}")
    _keep(settings, selected, tried, found)
    return int(any(finding.wins(settings.margin) for finding in found))


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name not in ATTACKS:
            raise UserError(
                f"no attack {name!r}; have {', '.join(ATTACKS)}{did_you_mean(name, ATTACKS)}"
            )


def _samples(settings: ProbeSettings) -> Sequence[Sample]:
    loaded = load(settings, settings.seed, need_images=False)
    samples = probed(loaded.held_out or loaded.train, settings.samples, settings.seed)
    if not samples:
        raise UserError(
            f"no sample of {settings.data} has a reference; the probe takes references for its "
            "honest captions: give the data captions"
        )
    return samples


def _nothing(tried: Tried) -> str:
    reasons = sorted({reason for line in tried.reasons for reason in line if reason})
    text = "; ".join(reasons[:3]) or "no attack can be made of this data"
    return f"no attack could be compared with an honest caption: {text}"


def _progress(trials: Sequence[Trial]) -> Callable[[str], None]:
    """A line that renews itself on a terminal, and nothing elsewhere."""
    names = list(dict.fromkeys(trial.attack for trial in trials))

    def watch(name: str) -> None:
        if sys.stdout.isatty():
            say(f"\r\x1b[K{names.index(name) + 1}/{len(names)} {name}", end="")
            if name == names[-1]:
                say("\r\x1b[K", end="")

    return watch


def _keep(
    settings: ProbeSettings, selected: Selected, tried: Tried, found: Sequence[Finding]
) -> None:
    picture, numbers = settings.out / "probe.png", settings.out / "probe.json"
    figure = heat_map(found, tried.matrix.heads, settings.margin)
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        figure.savefig(picture)
        numbers.write_text(_numbers(settings, selected, tried, found), encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"cannot write {error.filename or settings.out}: {error.strerror}; name another folder "
            "with --out"
        ) from error
    say(f"\npicture  {picture}\nnumbers  {numbers}")


def _numbers(
    settings: ProbeSettings, selected: Selected, tried: Tried, found: Sequence[Finding]
) -> str:
    scores, total = honest_scores(tried)
    whole: dict[str, Any] = {
        "settings": plain(settings),
        "heads": {head.name: plain(head.config) for head in selected.trained},
        "weights": selected.weights,
        "honest": {"scores": scores, "total": total},
        "attacks": [
            {**asdict(one), "gap": one.gap, "wins": one.wins(settings.margin)} for one in found
        ],
        "left_out": tried.left_out,
        "captions": [_caption(tried, i) for i in range(len(tried.trials))],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False)


def _caption(tried: Tried, i: int) -> dict[str, Any]:
    trial, matrix = tried.trials[i], tried.matrix
    known = matrix.scored[i]
    return {
        "sample": trial.sample.id,
        "attack": trial.attack,
        "made_of": trial.made_of,
        "text": trial.text,
        "ratio": finite(tried.ratio[i]),
        "scores": {
            head: float(matrix.values[i, j]) if known[j] else None
            for j, head in enumerate(matrix.heads)
        },
        "reasons": {
            head: reason
            for head, reason in zip(matrix.heads, tried.reasons[i], strict=True)
            if reason
        },
    }
