"""`balcap caption --data`: which shards are missing, who writes them, and what came of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from balcap import cluster, distributed
from balcap.config import plain
from balcap.config.caption import ResolvedCaptionSettings
from balcap.console import say
from balcap.data import Loaded
from balcap.data import load as load_data
from balcap.errors import UserError
from balcap.logging import quiet
from balcap.policies.captioning import server
from balcap.policies.captioning.folder import CaptionFolder
from balcap.policies.location import locate
from balcap.policies.origin import Origin
from balcap.progress import Progress
from balcap.runs.lock import hold
from balcap.runs.provenance import versions
from balcap.types import Sample

FREE = (
    "out", "engine", "server", "workers", "worker_gpus", "ray_address", "ray_wait", "json",
    "images", "max_bad",
)  # fmt: skip
"""Settings that no caption depends on. What a server writes does not go on with what another engine
began: its policy is a name there, and not the weights that are known here."""


def run(settings: ResolvedCaptionSettings) -> int:
    """Caption what is missing, and say what there is.

    Returns:
        Exit code: 0; 1 if more than `max_bad` of the images could not be used.

    Raises:
        UserError: before the policy is loaded, if policy, data or folder do not fit.
        RunError: if the disk is full.
    """
    named = _policy_of(settings)
    loaded = load_data(settings.samples_of)
    samples = loaded.train[: settings.limit]
    shards = -(-len(samples) // settings.shard_size)
    folder = CaptionFolder(settings.folder)
    begun, failure, held = None, None, None
    if distributed.is_first():
        try:
            origin = named()
            if folder.begin(_identity(settings, origin, samples)):
                say(f"going on in {folder.path}")
            held = hold(folder, "captioned", "give the same command again")
            begun = origin, folder.missing(shards)
        except UserError as error:
            failure = error
    distributed.raise_together(failure)
    # of one process: a moment later another may see other shards, or a newer checkpoint
    begun = distributed.first_ones(begun)
    assert begun is not None, "the first process has begun"
    origin, missing = begun
    with held or nullcontext():
        began = time.monotonic()
        written = _caption(settings, origin, samples, missing)
        if not distributed.is_first():
            return 0
        seconds = time.monotonic() - began
        return _close(settings, origin, loaded, shards, written, seconds)


def _policy_of(settings: ResolvedCaptionSettings) -> Callable[[], Origin]:
    """Find the policy before anything is read: what gives its record, which reads its weights."""
    if settings.engine == "server":
        server.check(settings)
        return lambda: Origin(settings.policy, f"served as {settings.policy}", None, None, {})
    if settings.engine == "ray":
        cluster.check()
    located = locate(settings.policy)
    return lambda: Origin.of(settings.policy, located)


def _caption(
    settings: ResolvedCaptionSettings,
    origin: Origin,
    samples: Sequence[Sample],
    missing: Sequence[int],
) -> int:
    """Write the missing shards; returns how many samples they have."""
    sizes = [min(settings.shard_size, len(samples) - n * settings.shard_size) for n in missing]
    if not missing:
        return 0
    quiet()
    from balcap.policies.captioning.engines import ENGINES
    from balcap.policies.captioning.work import Work

    before = len(samples) - sum(sizes)
    progress = Progress("captions", len(samples), before)
    done = before
    processes = distributed.count() if settings.engine == "local" else 1

    def went_on(count: int) -> None:
        nonlocal done
        done = min(len(samples), done + count * processes)  # the others are about as far
        if distributed.is_first():
            pace = (done - before) / max(1e-9, time.monotonic() - progress.began)
            progress.show(done, f"{pace:.1f} a second")

    try:
        ENGINES[settings.engine](Work.of(settings, origin), samples, missing, went_on)
    finally:
        if distributed.is_first():
            progress.close()
    return sum(sizes)


def _close(
    settings: ResolvedCaptionSettings,
    origin: Origin,
    loaded: Loaded,
    shards: int,
    written: int,
    seconds: float,
) -> int:
    """Write the list of what is bad and the manifest, and say what there is; the exit code."""
    folder = CaptionFolder(settings.folder)
    left_out = [
        {"file": problem.file, "row": problem.row, "error": problem.reason}
        for problem in loaded.problems
    ]
    unusable, count, cut = [], 0, 0
    for row in folder.rows(shards, ("id", "image", "error", "finished")):
        count += 1
        cut += row["finished"] is False
        if row["error"]:
            unusable.append({name: row[name] for name in ("id", "image", "error")})
    folder.rewrite(folder.bad, [*left_out, *unusable])
    manifest = {
        "policy": _named(origin),
        "weights": origin.sha256,
        "settings": plain(settings),
        "captions": count - len(unusable),
        "bad": len(left_out) + len(unusable),
        "bad_rows": len(left_out),
        "bad_images": len(unusable),
        "cut_off": cut,
        "shards": shards,
        "versions": versions(),
    }
    folder.write(folder.manifest, json.dumps(manifest, indent=1, default=str) + "\n")
    say(f"{count - len(unusable):,} captions in {shards:,} shards: {folder.path}")
    if written:
        say(f"{written:,} of them now, {written / seconds:.1f} a second with the loading")
    if cut:
        say(f"{cut:,} reached the longest caption, {settings.max_tokens} tokens, without an end")
    if left_out:
        say(f"{len(left_out):,} rows of the data were left out: {folder.bad}")
    if unusable:
        say(f"{len(unusable):,} images could not be used: {folder.bad}")
    return int(len(unusable) > settings.max_bad * count)


def _identity(
    settings: ResolvedCaptionSettings, origin: Origin, samples: Sequence[Sample]
) -> dict[str, Any]:
    """What the captions depend on: settings, weights, and which samples in which order."""
    ids = hashlib.sha256()
    for sample in samples:
        ids.update(sample.id.encode() + b"\0" + sample.prompt.encode() + b"\0")
    given = {name: value for name, value in plain(settings).items() if name not in FREE}
    return {
        "settings": given | {"policy": _named(origin)},
        "weights": origin.sha256,
        "samples": len(samples),
        "ids": ids.hexdigest(),
    }


def _named(origin: Origin) -> str:
    """The weights: a folder, of a run that of its checkpoint, or a hub id with its commit."""
    where = origin.adapter or origin.source
    return f"{where}@{origin.revision}" if origin.revision else where
