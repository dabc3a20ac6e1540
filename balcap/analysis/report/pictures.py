"""Pictures as data URIs: they travel inside the page."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure

from balcap.thumbnail import data_uri

_DRAWN = re.compile(rb'(?<= d=")[^"]+')
_LONG = re.compile(rb"(\.\d\d)\d+")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the page.

    Attributes:
        uri: its content, as a data URI.
        title: what is shown.
        reading: how to read it, in one or two sentences.
        width: in CSS pixels.
    """

    uri: str
    title: str
    reading: str
    width: int


def picture(figure: Figure, title: str, reading: str) -> Picture:
    """A figure as SVG: sharp at any size. Letters are drawn, so it looks the same everywhere.

    It has no ground of its own: that is the page's, which is dark where the reader wants it so.
    """
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": title}):  # the same run gives the same page
        figure.savefig(
            file, format="svg", dpi=160, transparent=True, metadata={"Date": None, "Creator": None}
        )
    # a hundredth of a point is enough, and a third of the file
    content = _DRAWN.sub(lambda path: _LONG.sub(rb"\1", path[0]), file.getvalue())
    width = round(figure.get_figwidth() * 96)
    return Picture(data_uri("image/svg+xml", content), title, reading, width)
