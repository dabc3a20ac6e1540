"""What a reward head is, and how heads are found by name.

A head is a class. The smallest one:

    from balcap.heads import Head

    class ColourWords(Head):
        name = "colours"

        def score(self, captions):
            return [min(1.0, sum(w in COLOURS for w in c.text.split()) / 3) for c in captions]

It is used as `--rewards path/to/file.py:ColourWords`, `--rewards package.module:ColourWords`, or,
once it stands under `[project.entry-points."balcap.rewards"]` of an installed package, by name.
"""

from balcap.heads.base import Head, NoSettings
from balcap.heads.config_file import dump
from balcap.heads.registry import find, hand_in, installed
from balcap.heads.selection import Choice, Selected, choose

__all__ = [
    "Choice",
    "Head",
    "NoSettings",
    "Selected",
    "choose",
    "dump",
    "find",
    "hand_in",
    "installed",
]
