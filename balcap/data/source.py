"""What does `--data` name?"""

from __future__ import annotations

from balcap.errors import UserError, did_you_mean

FILE_KINDS = ("conversations", "records", "caption-qa")
_FORMS = f"shapes, or KIND:PATH with KIND one of {', '.join(FILE_KINDS)} (records:hf:NAME too)"


def spec(text: str) -> tuple[str, str]:
    """Split `--data` into its kind and its path (empty for `shapes`), without reading anything.

    Raises:
        UserError: naming the allowed forms, if it is none of them.
    """
    kind, colon, path = text.partition(":")
    if text == "shapes" or (kind in FILE_KINDS and path.strip()):
        return kind, path
    if kind == "shapes":
        raise UserError(f"data is {text!r}; shapes takes no path: use --data shapes")
    if kind in FILE_KINDS:
        raise UserError(f"data is {text!r}, without a path; expected {kind}:PATH")
    if not colon and ("." in text or "/" in text):
        raise UserError(
            f"data is {text!r}, without its kind; expected {_FORMS}, such as records:{text}"
        )
    if kind == "hf":
        raise UserError(f"data is {text!r}, without its kind; use records:{text}")
    hint = did_you_mean(kind, ("shapes", *FILE_KINDS))
    raise UserError(f"no kind of data {kind!r}; expected {_FORMS}{hint}")
