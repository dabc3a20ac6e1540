"""How does a caption reach a judge as data, whatever its writer put into it?"""

from __future__ import annotations

import re

OPEN, CLOSE = "<<<", ">>>"

# What the chat templates of the open models are made of, such as <|im_start|>, <s>, [INST],
# <<SYS>>, <start_of_turn>, <\uff5cUser\uff5c>; and names of their kind: <extra_id_0>, <seed:bos>.
# Not every word in brackets: the judge is to see what the policy wrote.
_CONTROL = re.compile(
    r"<[|\uff5c][^<>|\uff5c]{0,64}[|\uff5c]>|<</?SYS>>|>>[A-Z_]{1,32}<<"
    r"|</?(?:s|bos|eos|pad|unk|mask|cls|sep|sop|eop|eot|eod|ai|image|img|video|audio|think"
    r"|\u7528\u6237|\w{1,32}_\w{0,32}|\w{1,32}\d|\w{1,32}:\w{1,32})>"
    r"|\[\|[^\[\]|]{0,64}\|\]|\[control_\d{1,4}\]"
    r"|\[/?(?:INST|SYSTEM_PROMPT|MODEL_SETTINGS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS"
    r"|TOOL_CONTENT|CALL_ID|ARGS|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|THINK|PREFIX|SUFFIX"
    r"|MIDDLE|CLS|SEP|PAD|UNK|MASK|gMASK|sMASK)\]",
    re.IGNORECASE,
)
_MARKS = re.compile(r"<{3,}|>{3,}")
_BRACKETS = re.compile(r"[<>\[\]]")
PASSES = 8  # tokens inside tokens inside tokens: after so many, no bracket is left to build them of


def quoted(text: str) -> str:
    """Return a caption between marks that it cannot write itself, without control tokens.

    A control token of a chat template inside a message would be read as one by most servers. It is
    replaced by a blank, as are runs of the marks' characters, again until none is left. Turns that
    are plain words ("ASSISTANT: B") stay: the prompt says that what stands between the marks is
    the text to be judged, and no instruction.

    Blanks keep the marks away from a text that would make a token with them: `</s` before `>>>`.
    """
    for _ in range(PASSES):
        before = text
        text = _MARKS.sub(" ", _CONTROL.sub(" ", text))
        if text == before:
            break
    else:
        text = _BRACKETS.sub(" ", text)
    tight = f"{OPEN}{text}{CLOSE}"
    return f"{OPEN} {text} {CLOSE}" if _CONTROL.search(tight) else tight
