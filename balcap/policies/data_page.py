"""Which page shows samples with their pictures, as the policy will see them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from balcap.atomic import atomic_write
from balcap.errors import RunError


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to see of a sample.

    Attributes:
        id: of the sample.
        lines: what it says, by what it is.
        picture: a small copy of the image, as a data URI; empty where it cannot be used.
    """

    id: str
    lines: Sequence[tuple[str, str]]
    picture: str = ""


def write_page(
    file: Path, source: str, facts: Sequence[tuple[str, str]], samples: Sequence[Shown]
) -> None:
    """Write an HTML page, pictures in it.

    Args:
        file: of the page.
        source: what the data are called.
        facts: of all data, by what they are.
        samples: to show.

    Raises:
        RunError: if it cannot be written.
    """
    files = jinja2.PackageLoader("balcap.policies", "templates")
    pages = jinja2.Environment(loader=files, autoescape=True, undefined=jinja2.StrictUndefined)
    page = pages.get_template("data.html").render(source=source, facts=facts, samples=samples)
    try:
        with atomic_write(file) as opened:
            opened.write(page.encode())
    except OSError as error:
        raise RunError(f"cannot write {file}: {error.strerror}") from error
