"""A judge of captions of the built-in world that needs no model: all it knows is the scene.

To try `balcap eval winrate` out, and to test it: the better caption is the one with the higher F1
of facts, as `balcap eval grounding` has it; captions with the same are a tie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from balcap.data.shapes.grounding import ground
from balcap.data.shapes.scene import Scene
from balcap.errors import JudgeError
from balcap.judges.quoting import CLOSE, OPEN
from balcap.judges.types import JudgeRequest

_CAPTION = re.compile(rf"^Caption \d+:\n{OPEN}(.*?){CLOSE}$", re.MULTILINE | re.DOTALL)


def answer(request: JudgeRequest) -> str:
    """Compare the captions of a question of `balcap eval winrate`.

    Raises:
        JudgeError: for a picture that is no scene of the built-in world, or another question.
    """
    message = request.messages[-1]
    images = [picture.sample.image for picture in message.pictures]
    if len(images) != 1 or not isinstance(images[0], Scene):
        raise JudgeError("the scene judge knows the pictures of --data shapes only")
    captions = _CAPTION.findall(message.text)
    if len(captions) < 2:
        raise JudgeError(f"the scene judge compares captions, and finds {len(captions)}")
    return say(captions, images[0])


def say(captions: Sequence[str], scene: Scene) -> str:
    """What it says of at least two captions, in the order in which they are shown."""
    scores = [ground(text, scene).fact_f1 for text in captions]
    reason = "F1 of facts: " + ", ".join(f"{score:.3f}" for score in scores)
    ranks = [1 + sum(other > score for other in scores) for score in scores]
    if len(captions) > 2:
        by_number = {str(number): rank for number, rank in enumerate(ranks, 1)}
        return json.dumps({"reason": reason, "ranks": by_number})
    better = "tie" if ranks == [1, 1] else str(1 + ranks.index(1))
    return json.dumps({"reason": reason, "better": better})
