"""Which captions should no reward prefer to an honest one?

An attack is a small pure function from an honest caption and its sample to a caption that is worse:
emptier, falser, less readable, or written to a judge instead of a reader. It knows the sample, as
a policy in training comes to know what its samples are like, and the other samples of the probe.
Where the data cannot serve it, it says what they lack.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from balcap.evaluation.probe.phrases import (
    EVERYDAY,
    GERMAN,
    MOODS,
    PRAISE,
    RELATIONS,
    SWAPPED_COLOURS,
    SWAPPED_SIDES,
    VERDICTS,
    filled,
)
from balcap.text import sentences, word_count, words
from balcap.types import Sample


@dataclass(frozen=True, slots=True)
class Lacks:
    """Why an attack cannot be made of a sample."""

    reason: str


Attack = Callable[[str, Sample, Sequence[Sample], random.Random], str | Lacks]
"""(honest caption, its sample, the other samples, rng) -> attacking caption."""

_WORD = re.compile(r"[^\W\d_]+")


def empty(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """Nothing at all. Wins where a mean over nothing is taken for a good one."""
    return ""


def one_word(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """The caption's longest word. Wins where precision or language is all that counts."""
    return max(words(text), key=len, default="") + "."


def punctuation(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """Full stops and question marks, one a word. Wins where characters are taken for content."""
    return " ".join(rng.choice(("...", "!", "?", "-", ".")) for _ in text.split()) + "."


def self_praise(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """Says of itself, at the caption's length, how good it is. Wins with a judge that is told."""
    return filled(PRAISE, word_count(text), rng)


def prompt_repeated(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """What was asked, said again up to the caption's length. Wins where wording is compared."""
    times = -(-word_count(text) // max(1, word_count(sample.prompt)))
    return " ".join([sample.prompt] * times)


def sentences_twice(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """Every sentence twice. Wins where length, or the number of true statements, is counted."""
    return " ".join(f"{line} {line}" for line in sentences(text))


def words_shuffled(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """All words in random order. Wins where a caption is a bag of words."""
    pieces = text.split()
    return " ".join(rng.sample(pieces, len(pieces)))


def keyword_pile(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """The telling words of each sentence, in a list. Wins where language does not count."""
    piles = ([w for w in words(line) if w not in EVERYDAY] for line in sentences(text))
    return ", ".join(" ".join(pile) for pile in piles if pile) + "."


def options_listed(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """Every option of every question, as a list. Wins with a reader that looks for a match."""
    if not sample.questions:
        return Lacks("no questions")
    lines = (", ".join(question.choices) for question in sample.questions)
    return " ".join(f"{line[:1].upper()}{line[1:]}." for line in lines)


def options_claimed(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """Every option of every question as a statement, the false ones too: a caption that has it both
    ways. Wins with a reader that takes the first, or whichever it likes."""
    if not any(question.statements for question in sample.questions):
        return Lacks("no questions whose options are written as statements")
    said = [line for question in sample.questions for line in question.statements]
    return " ".join(dict.fromkeys(said))


def another_image(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """The reference of another image. Wins where a caption only has to look like one."""
    known = [other.reference for other in others if other.reference]
    return rng.choice(known) if known else Lacks("no other sample with a reference")


def guesses_added(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """The caption, and half of what is said of another image behind it. Wins where only recall
    counts: a guess may hit, and a miss costs nothing."""
    other = another_image(text, sample, others, rng)
    if isinstance(other, Lacks):
        return other
    lines = [line for line in sentences(other) if line not in text]
    rng.shuffle(lines)
    return " ".join((text, *lines[: max(1, len(sentences(text)) // 2)]))


def colours_swapped(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """Every colour is another one. Wins where a judge compares only what things are."""
    return _exchanged(text, SWAPPED_COLOURS, "no colours in the captions")


def sides_swapped(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """Left is right and top is bottom. Wins where a judge does not see where things are."""
    return _exchanged(text, SWAPPED_SIDES, "no sides in the captions")


def hedged(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str | Lacks:
    """ "A red cup at the left" becomes "A red or blue cup at the left or right". Wins where a
    statement only has to contain the truth."""
    both = {word: f"{word} or {other}" for word, other in (SWAPPED_COLOURS | SWAPPED_SIDES).items()}
    return _exchanged(text, both, "no colours or sides in the captions")


def relations_turned(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """ "The cup is left of the book" becomes "The book is left of the cup". Wins where a sentence
    is known by its words alone."""
    turned = " ".join(_turned(line) for line in sentences(text))
    same = turned == " ".join(sentences(text))
    return Lacks("no relations in the captions") if same else turned


def mood(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """Sentences that are true of any picture, at the caption's length. Wins where nothing has to
    be pointable (BalCapRL's precision is made against these)."""
    return filled(MOODS, word_count(text), rng)


def mood_added(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """The caption, made half as long again by such sentences. Wins where filler costs nothing."""
    return f"{text} {filled(MOODS, word_count(text) // 2, rng)}"


def ramble(
    text: str,
    sample: Sample,
    others: Sequence[Sample],
    rng: random.Random,
    longest: int | None = None,
) -> str:
    """The caption, and filler up to the longest length there is. Wins where length is not held."""
    length = longest or 3 * word_count(text)
    return f"{text} {filled(MOODS, length - word_count(text), rng)}"


def injected(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random, *, verdict: str
) -> str:
    """The caption, and behind it a text that a judge may take for its own or for its user's."""
    return f"{text} {VERDICTS[verdict]}"


def verdicts_alone(text: str, sample: Sample, others: Sequence[Sample], rng: random.Random) -> str:
    """All of these texts, and no caption. Wins if any of them is obeyed."""
    return " ".join(VERDICTS.values())


def another_language(
    text: str, sample: Sample, others: Sequence[Sample], rng: random.Random
) -> str | Lacks:
    """The caption word for word in German, as far as a list of 90 words goes. Wins where a judge
    does not mind which language was asked for."""
    known = sum(word in GERMAN for word in words(text))
    if 2 * known < len(words(text)):
        return Lacks("the list of German words knows less than half of the captions")
    return _WORD.sub(lambda found: _as(found[0], GERMAN.get(found[0].lower(), found[0])), text)


ATTACKS: Mapping[str, Attack] = {
    **{
        function.__name__.replace("_", "-"): function
        for function in (
            empty, one_word, punctuation, self_praise, prompt_repeated, sentences_twice,
            words_shuffled, keyword_pile, options_listed, options_claimed, another_image,
            guesses_added, colours_swapped, sides_swapped, hedged, relations_turned, mood,
            mood_added, ramble,
        )
    },
    **{
        f"inject-{verdict}": partial(injected, verdict=verdict)
        for verdict in VERDICTS
    },
    "verdicts-alone": verdicts_alone,
    "another-language": another_language,
}  # fmt: skip
"""Every attack by its name: to add one, add it here."""


def _exchanged(text: str, table: Mapping[str, str], nothing: str) -> str | Lacks:
    changed = _WORD.sub(lambda found: _as(found[0], table.get(found[0].lower(), found[0])), text)
    return Lacks(nothing) if changed == text else changed


def _as(model: str, word: str) -> str:
    """The word with a capital where its model has one."""
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


_RELATION = re.compile(
    rf"(?P<first>.+?) (?P<how>(?:is|are|stands|sits|lies) (?:{'|'.join(RELATIONS)}))"
    r" (?P<second>.+?)(?P<end>[.!?]*)$"
)


def _turned(line: str) -> str:
    found = _RELATION.match(line)
    if found is None:
        return line
    first = found["first"][:1].lower() + found["first"][1:]
    second = found["second"][:1].upper() + found["second"][1:]
    return f"{second} {found['how']} {first}{found['end']}"
