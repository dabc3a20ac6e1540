"""Samples with questions, and readers that answer them by rule."""

import re
from dataclasses import dataclass

from balcap.heads.reading import ABSTAIN
from balcap.judges.event_loop import run
from balcap.judges.scripted import scripted
from balcap.types import Caption, Question, Sample
from balcap_rewards.qa import Qa, QaConfig

CAR = Question("Which colour is the car?", ("red", "blue", "green"), 0)
DOG = Question("What does the dog do?", ("sleep", "run", "eat"), 1)
HAT = Question("Who wears a hat?", ("a man", "a woman", "nobody"), 2)
SAMPLE = Sample("a", "", questions=(CAR, DOG, HAT))
ONLY_CAR = Sample("b", "", questions=(CAR,))
TEXTS = [f"Picture {number}: a red car." for number in range(300)]


@dataclass
class Seen:
    """What a reader sees of an ask."""

    caption: str
    question: str
    options: dict[str, str]

    @classmethod
    def of(cls, request):
        _, caption, _, block = re.findall(r"<<<(.*?)>>>(?!>)", request.messages[-1].text, re.DOTALL)
        question, *lines = block.split("\n")
        return cls(caption, question, dict(line.split(") ", 1) for line in lines))

    def letter(self, option):
        return next(letter for letter, text in self.options.items() if text == option)


def by_rule(request):
    """The letter of the option that the caption names; "cannot be told" if it names none."""
    seen = Seen.of(request)
    named = [letter for letter, text in seen.options.items() if text in seen.caption]
    return named[0] if named else seen.letter(ABSTAIN)


def read(texts, script=by_rule, sample=SAMPLE, **settings):
    """Scores of the captions, and everything that the reader was asked."""
    asked = []

    def recorded(request):
        asked.append(request)
        return script(request)

    head = Qa(QaConfig(engine="llm", **settings), judge=scripted(recorded))
    return run(head.score([Caption(sample, text) for text in texts])), asked
