"""What does `--data` name?"""

from __future__ import annotations

from balcap.data.formats import offered
from balcap.errors import UserError, did_you_mean


def spec(text: str) -> tuple[str, str]:
    """Split `--data` into its kind and its path (empty for `shapes`), without reading anything.

    Raises:
        UserError: naming the allowed forms, if it is none of them.
    """
    kind, colon, path = text.partition(":")
    kinds = offered()
    forms = f"shapes, or KIND:PATH with KIND one of {', '.join(kinds)} (records:hf:NAME too)"
    if text == "shapes" or (kind in kinds and path.strip()):
        return kind, path
    if kind == "shapes":
        raise UserError(f"data is {text!r}; shapes takes no path: use --data shapes")
    if kind in kinds:
        raise UserError(f"data is {text!r}, without a path; expected {kind}:PATH")
    if not colon and ("." in text or "/" in text):
        raise UserError(
            f"data is {text!r}, without its kind; expected {forms}, such as records:{text}"
        )
    if kind == "hf":
        raise UserError(f"data is {text!r}, without its kind; use records:{text}")
    hint = did_you_mean(kind, ("shapes", *kinds))
    raise UserError(f"no kind of data {kind!r}; expected {forms}{hint}")
