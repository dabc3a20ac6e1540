"""How does a caption reach a judge as data, whatever its writer put into it?"""

from __future__ import annotations

import re

OPEN, CLOSE = "<<<", ">>>"

# What chat templates are made of: <|im_start|>, <s>, [INST], <<SYS>>, <start_of_turn>, <image> ...
_CONTROL = re.compile(
    r"<\|[^<>|]{0,64}\|>|<\uff5c[^<>]{0,64}\uff5c>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS)\]"
    r"|<</?SYS>>|</?(?:s|bos|eos|pad|unk|image|img|video|start_of_turn|end_of_turn|think)>",
    re.IGNORECASE,
)
_MARKS = re.compile(r"<{3,}|>{3,}")


def quoted(text: str) -> str:
    """Return a caption between marks that it cannot write itself, without control tokens.

    A control token of a chat template inside a message would be read as one by most servers. It is
    replaced by a blank, as are runs of the marks' characters, again until none is left. The prompt
    says that what stands between the marks is the text to be judged, and no instruction.
    """
    before = None
    while before != text:
        before = text
        text = _MARKS.sub(" ", _CONTROL.sub(" ", text))
    return f"{OPEN}{text}{CLOSE}"
