"""`balcap data`: how is this file read, and what will the policy and the heads see of it?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from balcap.config import DataSettings
from balcap.config.look import LookSettings
from balcap.console import filled, say
from balcap.data import BadDataError, Loaded, load
from balcap.data.checks import by_reason
from balcap.data.detect import Layout, detect
from balcap.data.formats import offered
from balcap.logging import quiet
from balcap.policies import locate
from balcap.policies.data_page import Shown, write_page
from balcap.policies.images import BadImageError, read_image
from balcap.policies.loading import load_processor
from balcap.text import word_count
from balcap.thumbnail import thumbnail
from balcap.types import Sample


def run(settings: LookSettings) -> int:
    """Print how the data are read, what is wrong with them, and some samples.

    Returns:
        The exit code: 1 if no row can be used.

    Raises:
        UserError: if there is no such file, or its rows can be read as no kind of data.
    """
    kind, _, path = settings.data.partition(":")
    layout = Layout(kind, settings.columns)
    if kind not in offered() or not path:
        path = settings.data
        layout = detect(path, settings.columns)
    say(f"{path} is read as {layout.kind}\n")
    say(f"use      {_words(settings, layout, path)}")
    try:
        loaded = load(_data_settings(settings, layout, path))
    except BadDataError as error:
        for line in by_reason(error.problems):
            say(f"bad      {line}")
        say("\nno row can be used; where the images are is said by --image-root FOLDER")
        return 1
    facts = [*_counts(loaded)]
    for name, text in facts:
        say(f"{name:<8} {text}")
    shown = [_shown(sample, settings) for sample in loaded.train[: settings.show]]
    for number, each in enumerate(shown, 1):
        say(f"\nsample {number} of {len(loaded.train):,}: {each.id}")
        for name, text in each.lines:
            say(filled(text, f"  {name:<10} ", " " * 13))
    if settings.page is not None:
        write_page(settings.page, path, [("use", _words(settings, layout, path)), *facts], shown)
        say(f"\npage     {settings.page}")
    return 0


def _data_settings(settings: LookSettings, layout: Layout, path: str) -> DataSettings:
    return DataSettings(
        data=f"{layout.kind}:{path}",
        image_root=settings.image_root,
        columns=layout.columns,
        prompt=settings.prompt,
        check_images=settings.check_images,
        max_bad=1.0,
        eval_samples=0,
    )


def _words(settings: LookSettings, layout: Layout, path: str) -> str:
    """What is typed to train on these data."""
    words = ["--data", f"{layout.kind}:{path}"]
    if settings.image_root is not None:
        words += ["--image-root", str(settings.image_root)]
    for field, name in asdict(layout.columns).items():
        if name is not None:
            words += [f"--columns.{field}", name]
    return shlex.join(words)


def _counts(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """What there is of the data, and what is wrong with them, by what it is."""
    samples = loaded.train
    lengths = [word_count(s.reference) for s in samples if s.reference is not None]
    parts = [f"{len(samples):,} samples of {len({str(s.image) for s in samples}):,} images"]
    if lengths:
        parts.append(f"{len(lengths):,} references of {sum(lengths) / len(lengths):.0f} words")
    if asked := sum(len(sample.questions) for sample in samples):
        parts.append(f"{asked:,} questions")
    if known := sum(len(sample.facts) for sample in samples):
        parts.append(f"{known:,} facts")
    yield "usable", ", ".join(parts)
    for line in by_reason(loaded.problems):
        yield "bad", line


def _shown(sample: Sample, settings: LookSettings) -> Shown:
    family = locate(settings.policy).family
    place = str(sample.image) if isinstance(sample.image, Path) else "in the table"
    try:
        image = read_image(sample, family)
    except BadImageError as error:
        line = f"{place}: cannot be used ({error.reason})"
        return Shown(sample.id, [("image", line), *_texts(sample, settings)])
    line = f"{place}, {image.width} x {image.height}"
    picture = thumbnail(image) if settings.page is not None else ""
    return Shown(sample.id, [("image", line), *_texts(sample, settings)], picture)


def _texts(sample: Sample, settings: LookSettings) -> Iterator[tuple[str, str]]:
    """What a sample says, by what it is."""
    yield "prompt", _as_the_policy_sees_it(sample.prompt, settings)
    if sample.reference is not None:
        yield "reference", sample.reference
    for question in sample.questions[:3]:
        options = [
            f"*{choice}*" if place == question.answer else choice
            for place, choice in enumerate(question.choices)
        ]
        yield "question", f"{question.text} ({', '.join(options)})"
    if sample.facts:
        yield "facts", "; ".join(sample.facts)
    if sample.metadata:
        yield "metadata", ", ".join(sorted(sample.metadata))


def _as_the_policy_sees_it(prompt: str, settings: LookSettings) -> str:
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    text: str = _processor(settings).apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    return text.replace("\n", "\\n")


@cache
def _processor(settings: LookSettings) -> Any:
    quiet()
    return load_processor(settings, locate(settings.policy))
