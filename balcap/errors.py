"""What can go wrong, and who has to act.

Three kinds leave balcap as one clear message without a traceback:

- `UserError`: the user can fix it (a setting, a file, a head). Exit code 2.
- `RunError`: environment failure (a full disk), and what was computed is on disk. Exit code 1.
- `JudgeGoneError`: a judge stopped answering; `--resume` continues once it is back. Exit code 3.

Inside, a judge that cannot answer raises `JudgeError`, which becomes an unscored cell
(`Unscored.by`). Anything else is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


class UserError(Exception):
    """A mistake that the user can fix.

    Its text names the thing, the value seen, what is allowed, and the next step.

    Attributes:
        told: whether another process tells it, of several that end with it.
    """

    told = False


class UnreadableImageError(UserError):
    """The image of a sample cannot be read or decoded.

    Attributes:
        reason: why, without whose image it is.
    """

    def __init__(self, sample: str, reason: str) -> None:
        super().__init__(
            f"the image of sample {sample!r} cannot be read ({reason}); put it back, or leave the "
            "sample out"
        )
        self.sample = sample
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.sample, self.reason)


class HeadError(UserError):
    """A reward head broke its contract or raised; names the head, and where to fix it."""


class RunError(Exception):
    """The environment failed, not the user's settings; what was computed has been kept.

    Attributes:
        told: as of `UserError`.
    """

    told = False


class JudgeGoneError(RunError):
    """A judge left too many captions unscored for too long; the training can be resumed."""


class JudgeError(Exception):
    """A judge gave no usable answer; becomes `Unscored(reason, cause="judge")`.

    This one: it could not be asked, or did not answer (down, timed out, refused the key). The same
    question may be answered later.
    """


class UnusableAnswerError(JudgeError):
    """A judge did answer, and not with what was asked for: unparsable, off the menu, refused.

    Becomes `Unscored(reason, cause="answer")`. Asking the same again gives the same.
    """


def portable(error: UserError | RunError) -> UserError | RunError:
    """The same message in a class of this file: a head's own exception class may not survive the
    way to another process, or not exist there."""
    kinds: tuple[type[UserError | RunError], ...] = (
        HeadError, UserError, JudgeGoneError, RunError,
    )  # fmt: skip
    return next(kind(str(error)) for kind in kinds if isinstance(error, kind))


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the nearest allowed name, or an empty string."""
    nearest = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


def not_selected(what: str, name: str, names: Collection[str]) -> UserError:
    """The error of a setting that names a head which is not among those of `rewards`."""
    return UserError(
        f"{what}, but rewards does not select it; rewards has {', '.join(names)}"
        f"{did_you_mean(name, names)}"
    )
