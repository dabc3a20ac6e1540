"""What can go wrong, and who has to act.

Two kinds leave balcap as one clear message without a traceback:

- `UserError`: the user can mend it (a setting, a file, a head). Exit code 2.
- `RunError`: the world failed (a full disk, a judge gone for good), and what was computed is on
  disk. Exit code 1.

Inside, a judge that cannot answer raises `JudgeError`; `balcap.scoring` alone turns that into an
unscored cell. Anything else is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend.

    Its text names the thing, the value seen, what is allowed, and the next step.
    """


class HeadError(UserError):
    """A reward head broke its contract or raised; names the head, and where to mend it."""


class RunError(Exception):
    """The surroundings failed, not the user's settings; what was computed has been kept."""


class JudgeError(Exception):
    """A judge gave no usable answer for a cell; becomes `Unscored(reason)` in `balcap.scoring`."""


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the nearest allowed name, or an empty string."""
    nearest = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
