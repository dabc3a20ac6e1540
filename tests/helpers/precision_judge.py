"""A judge for the head precision, for `python -m helpers.judge_server --script`: it sees nothing,
takes captions apart at every blank, and finds longer words true."""

import json
import re


def answer(asked: str) -> str:
    """To the question what a caption asserts, or whether assertions are true."""
    if '{"assertions"' in asked:
        caption = asked.rpartition("<<<")[2].partition(">>>")[0]
        return json.dumps({"assertions": caption.split()[:8]})
    said = re.findall(r"^(\d+)\W+<<<(.*)>>>$", asked, re.MULTILINE)
    return json.dumps({n: {"visible": len(word) > 3, "pointable": True} for n, word in said})
