"""Judges that answer every question in the form that was asked for, and judges that fail."""

import json
import math
import random
import re
from collections.abc import Sequence

from balcap.errors import JudgeError
from balcap.judges.quoting import CLOSE, OPEN
from balcap.judges.types import JudgeRequest, JudgeResponse

QUOTED = re.compile(f"{OPEN}(.*?){CLOSE}", re.DOTALL)


def text_of(request: JudgeRequest) -> str:
    """All that is said to the judge."""
    return "\n".join(message.text for message in request.messages)


def frame_of(request: JudgeRequest) -> str:
    """What is said to the judge outside the marks."""
    return QUOTED.sub("", text_of(request))


class Dutiful:
    """Answers by a hash of the question: the same question always gets the same answer.

    Where a text is wanted it answers with `says`, or with pieces of what was quoted to it. With
    another `seed` it is another judge.
    """

    def __init__(self, says: str | None = None, seed: int = 0) -> None:
        self.says = says
        self.identity = {"seed": seed} if seed else {}
        self.asked: list[JudgeRequest] = []

    def __call__(self, request: JudgeRequest) -> JudgeResponse:
        self.asked.append(request)
        rng = random.Random(request.key(self.identity))
        if request.choices:
            return _weighed(request.choices, rng)
        if request.schema is None:
            return JudgeResponse(rng.choice(_letters(request)))
        texts = [self.says] if self.says else _pieces(request)
        return JudgeResponse(json.dumps(_made(request.schema, request.schema, rng, texts)))


def silent(request: JudgeRequest) -> JudgeResponse:
    """Cannot be reached."""
    raise JudgeError("timed out after 120 s")


def mumbling(request: JudgeRequest) -> str | JudgeResponse:
    """Answers with nothing that could be read as anything."""
    return "???"


def _letters(request: JudgeRequest) -> list[str]:
    """The letters of the options, which stand in what was quoted last."""
    return re.findall(r"^([A-Z])\)", QUOTED.findall(text_of(request))[-1], re.MULTILINE)


def _weighed(choices: Sequence[str], rng: random.Random) -> JudgeResponse:
    weights = [rng.random() + 0.01 for _ in choices]
    logprobs = tuple(math.log(weight / sum(weights)) for weight in weights)
    return JudgeResponse(choices[weights.index(max(weights))], logprobs)


def _pieces(request: JudgeRequest) -> list[str]:
    whole = " ".join(QUOTED.findall(text_of(request))).split()
    return [" ".join(whole[i : i + 5]) for i in range(0, len(whole), 5)] or ["nothing"]


def _made(schema: dict, root: dict, rng: random.Random, texts: Sequence[str]) -> object:
    """A value of a JSON schema, as far as pydantic writes them."""
    if "$ref" in schema:
        return _made(root["$defs"][schema["$ref"].rpartition("/")[2]], root, rng, texts)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    low, high = schema.get("minimum", 0), schema.get("maximum", 10)
    match schema["type"]:
        case "object":
            return {k: _made(v, root, rng, texts) for k, v in schema["properties"].items()}
        case "array":
            count = rng.randint(schema.get("minItems", 1), schema.get("maxItems", 4))
            return [_made(schema["items"], root, rng, texts) for _ in range(count)]
        case "boolean":
            return rng.random() < 0.6
        case "integer":
            return rng.randint(low, high)
        case "number":
            return rng.uniform(low, high)
        case "string":
            return rng.choice(texts)
    raise AssertionError(f"no value of {schema}")
