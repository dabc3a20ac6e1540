"""Judges that answer every question in the form that was asked for, and judges that fail."""

import json
import math
import random
import re
from collections.abc import Sequence

from balcap.errors import JudgeError
from balcap.judges.quoting import CLOSE, OPEN
from balcap.judges.types import Answer, Ask

QUOTED = re.compile(f"{OPEN}(.*?){CLOSE}", re.DOTALL)


def text_of(ask: Ask) -> str:
    """All that is said to the judge."""
    return "\n".join(message.text for message in ask.messages)


def frame_of(ask: Ask) -> str:
    """What is said to the judge outside the marks."""
    return QUOTED.sub("", text_of(ask))


class Dutiful:
    """Answers by a hash of the question: the same question always gets the same answer.

    Where a text is wanted it answers with `says`, or with pieces of what was quoted to it.
    """

    def __init__(self, says: str | None = None) -> None:
        self.says = says
        self.asked: list[Ask] = []

    def __call__(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        dice = random.Random(ask.key({}))
        if ask.choices:
            return _weighed(ask.choices, dice)
        if ask.schema is None:
            return Answer(dice.choice(_letters(ask)))
        texts = [self.says] if self.says else _pieces(ask)
        return Answer(json.dumps(_made(ask.schema, ask.schema, dice, texts)))


def silent(ask: Ask) -> str:
    """Cannot be reached."""
    raise JudgeError("timed out after 120 s")


def mumbling(ask: Ask) -> str:
    """Answers with nothing that could be read as anything."""
    return "???"


def _letters(ask: Ask) -> list[str]:
    """The letters of the options, which stand in what was quoted last."""
    return re.findall(r"^([A-Z])\)", QUOTED.findall(text_of(ask))[-1], re.MULTILINE)


def _weighed(choices: Sequence[str], dice: random.Random) -> Answer:
    weights = [dice.random() + 0.01 for _ in choices]
    logprobs = tuple(math.log(weight / sum(weights)) for weight in weights)
    return Answer(choices[weights.index(max(weights))], logprobs)


def _pieces(ask: Ask) -> list[str]:
    whole = " ".join(QUOTED.findall(text_of(ask))).split()
    return [" ".join(whole[i : i + 5]) for i in range(0, len(whole), 5)] or ["nothing"]


def _made(schema: dict, root: dict, dice: random.Random, texts: Sequence[str]) -> object:
    """A value of a JSON schema, as far as pydantic writes them."""
    if "$ref" in schema:
        return _made(root["$defs"][schema["$ref"].rpartition("/")[2]], root, dice, texts)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    low, high = schema.get("minimum", 0), schema.get("maximum", 10)
    match schema["type"]:
        case "object":
            return {k: _made(v, root, dice, texts) for k, v in schema["properties"].items()}
        case "array":
            count = dice.randint(schema.get("minItems", 1), schema.get("maxItems", 4))
            return [_made(schema["items"], root, dice, texts) for _ in range(count)]
        case "boolean":
            return dice.random() < 0.6
        case "integer":
            return dice.randint(low, high)
        case "number":
            return dice.uniform(low, high)
        case "string":
            return dice.choice(texts)
    raise AssertionError(f"no value of {schema}")
