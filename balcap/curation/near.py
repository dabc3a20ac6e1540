"""Which questions of an image ask nearly the same?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from balcap.config.curate import QuestionSettings
from balcap.curation.rules import Verdict
from balcap.heads.engines.embedding import DEFAULT_MODEL, PACKAGE, embedder
from balcap.heads.engines.similarity import excludes
from balcap.logging import quiet
from balcap.text import words
from balcap.types import Question


@dataclass(frozen=True)
class Nearness:
    """How questions are compared.

    Attributes:
        name: for the manifest.
        similarities: texts -> [N, N] similarities in [-1, 1].
    """

    name: str
    similarities: Callable[[Sequence[str]], Sequence[Sequence[float]]]


def nearness(settings: QuestionSettings) -> Nearness:
    """By sentence embeddings, or by words where no model is within reach and any will do."""
    if settings.near == "words" or (settings.near == "auto" and not _has_model(settings.model)):
        return Nearness("words", _by_words)
    quiet()
    return Nearness(f"embedding {settings.model}", partial(_by_embedding, model=settings.model))


def without_near(verdicts: Sequence[Verdict], how: Nearness, similarity: float) -> list[Verdict]:
    """Drop each kept question that is as similar to an earlier one that is kept, or more.

    What is compared is a question with its right option: "Which of these is there?" may be asked
    twice. Two that name different colours, sides, sizes or numbers are not alike
    (`similarity.excludes`), however near.
    """
    kept = [number for number, each in enumerate(verdicts) if not each.rule]
    found = list(verdicts)
    if len(kept) < 2:
        return found
    texts = {number: _text(verdicts[number].written.question) for number in kept}
    table = how.similarities(list(texts.values()))
    first: list[int] = []
    for row, number in enumerate(kept):
        like = [
            other
            for other in first
            if table[row][kept.index(other)] >= similarity
            and not excludes(texts[number], texts[other])
        ]
        if like:
            found[number] = verdicts[number].dropped("near duplicate", like[0])
        else:
            first.append(number)
    return found


def _text(question: Question | None) -> str:
    assert question is not None  # it is kept
    return f"{question.text} {question.choices[question.answer]}"


def _has_model(model: str) -> bool:
    if model != "auto" or find_spec(PACKAGE) is not None:
        return True
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(DEFAULT_MODEL, "config.json"), str)


def _by_embedding(texts: Sequence[str], model: str) -> Sequence[Sequence[float]]:
    vectors = embedder(model)(texts)
    similar: list[list[float]] = (vectors @ vectors.T).tolist()
    return similar


def _by_words(texts: Sequence[str]) -> Sequence[Sequence[float]]:
    """Of two texts, the words that are in both over the words that are in either."""
    sets = [set(words(text)) for text in texts]
    return [[len(a & b) / max(1, len(a | b)) for b in sets] for a in sets]
