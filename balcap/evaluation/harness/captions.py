"""Whose captions are evaluated? Those of a file, or those that a policy writes now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from balcap.config import EvalSettings
from balcap.data.caption_file import from_file
from balcap.errors import UserError
from balcap.evaluation.harness.folder import EvalFolder
from balcap.evaluation.protocol import AnyProtocol, Captions
from balcap.progress import Progress
from balcap.types import Sample

if TYPE_CHECKING:
    from balcap.policies.generation import Sampling


def captions_for(protocol: AnyProtocol, folder: EvalFolder) -> Captions:
    """The captions of the protocol's samples, by their ids; a sample may have none in a file.

    All files are read before a policy is loaded, the rivals' too.

    Raises:
        UserError: if a file is not one of captions, or has none for any of the samples.
    """
    samples = protocol.samples()
    sides = [protocol.settings, *protocol.rivals()]
    found = {
        number: _read(one.captions, protocol, samples)
        for number, one in enumerate(sides)
        if one.captions is not None
    }
    for number, one in enumerate(sides):
        if number not in found:
            wanted = [sample for _ in range(protocol.draws) for sample in samples]
            found[number] = _written(one, wanted, folder, folder.captions_of(number))
    return found[0] if len(sides) == 1 else _joined([found[number] for number in range(len(sides))])


def _joined(sides: Sequence[Captions]) -> Captions:
    """One caption of each side, for the samples that all of them have."""
    shared = [name for name in sides[0] if all(name in side for side in sides)]
    return {name: tuple(side[name][0] for side in sides) for name in shared}


def _read(file: Path, protocol: AnyProtocol, samples: Sequence[Sample]) -> Captions:
    read = from_file(file, several=protocol.several)
    found = {sample.id: read[sample.id] for sample in samples if sample.id in read}
    if not found:
        raise UserError(
            f"no caption of {file} belongs to an image of {protocol.settings.data}: the file has "
            f"ids such as {[*read][:1]}, the data such as {[sample.id for sample in samples[:1]]}"
        )
    return found


def _written(
    settings: EvalSettings, wanted: Sequence[Sample], folder: EvalFolder, file: Path
) -> Captions:
    """Captions by the policy: those that are in the file, and the missing ones."""
    known = [line["caption"] for line in folder.lines(file)]
    if len(known) < len(wanted):
        sampling = _sampling(settings)
        # whole batches only: in a part of one, each caption would be drawn by other random numbers
        del known[len(known) // sampling.batch * sampling.batch :]
        folder.rewrite(file, map(_line, wanted, known))
        for batch in _batches(settings, wanted, len(known), sampling):
            folder.append(file, [*map(_line, wanted[len(known) :], batch)])
            known += batch
    by_sample = defaultdict(list)
    for sample, text in zip(wanted, known, strict=True):
        by_sample[sample.id].append(text)
    return {name: tuple(texts) for name, texts in by_sample.items()}


def _line(sample: Sample, text: str) -> dict[str, Any]:
    return {"id": sample.id, "caption": text}


def _sampling(settings: EvalSettings) -> Sampling:
    from balcap.policies.generation import Sampling, sampling_of

    return Sampling(
        sampling_of(settings), settings.caption_tokens, settings.caption_batch, settings.seed
    )


def _batches(
    settings: EvalSettings, wanted: Sequence[Sample], start: int, sampling: Sampling
) -> Iterator[list[str]]:
    """Write captions from `start` on, a batch at a time, each by a seed of its own."""
    from balcap.logging import quiet
    from balcap.policies import load_to_write
    from balcap.policies.generation import write_captions

    quiet()
    policy = load_to_write(settings)
    progress = Progress("captions", len(wanted), start)
    for first in range(start, len(wanted), sampling.batch):
        batch = wanted[first : first + sampling.batch]
        drawn = replace(sampling, seed=sampling.seed * 1_000_003 + first)
        yield [caption.text for caption in write_captions(policy, batch, drawn)]
        progress.show(first + len(batch))
    progress.close()
