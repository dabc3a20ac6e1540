"""`balcap curate`: images -> what judges write about them, kept by rules -> data to train on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from balcap import cluster
from balcap.config import CurateSettings
from balcap.console import say
from balcap.curation.engine import ask_all
from balcap.curation.folder import CurationFolder
from balcap.curation.result import identity, write_result
from balcap.curation.target import AnyTarget
from balcap.curation.targets import target_of
from balcap.data import load
from balcap.resumable import Journal
from balcap.runs.lock import hold
from balcap.runs.summary_text import judge_table


def run(settings: CurateSettings) -> int:
    """Ask about every image that is not done, write the result, and tell; returns the exit code.

    Raises:
        UserError: if the settings do not fit, another curation lies in the folder, or another
            process works there.
        JudgeGoneError: if the judge left too many images without an answer.
        RunError: if the disk is full.
    """
    if settings.engine == "ray":
        cluster.check()
    target = target_of(settings)
    folder = CurationFolder(settings.out, settings.what)
    loaded = load(settings.images)
    samples = loaded.train[: settings.limit]
    if lacking := target.check(samples):
        say(f"{lacking}, and get no row")
    if folder.begin(identity(target, settings)):
        say(f"going on in {folder.path}")
    with hold(folder, "curated", "give the same command again") or nullcontext():
        journal = Journal(folder, folder.journal)
        failed = ask_all(target, samples, journal, settings)
        report = write_result(target, samples, journal, failed, folder, settings)
    _tell(target, report, folder)
    return 0


def _tell(target: AnyTarget, report: Mapping[str, Any], folder: CurationFolder) -> None:
    images = report["images"]
    say(
        f"{report['kept']:,} of {report['written']:,} {target.plural} kept, "
        f"for {images['rows']:,} of {images['asked'] + images['failed']:,} images\n"
    )
    for line in target.lines(report):
        say(line)
    left_out = {
        "with an unusable answer": images["unusable"],
        "without an answer, which the same command asks about again": images["failed"],
    }
    for why, count in left_out.items():
        if count:
            say(f"\n{count:,} images {why}: {folder.report}, {folder.verdicts}")
    usage = {name: asdict(judge.usage) for name, judge in target.judges.items()}
    if asked := judge_table(usage):
        say(f"\n{asked}")
    say(f"\nevery verdict: {folder.verdicts}")
    say(f"by whom and how: {folder.manifest}")
    say(f"to train on it: balcap train --data {target.kind}:{folder.rows}")
