"""Work in pieces on Ray: `--engine ray` of `caption`, `score` and `curate`.

A piece and its result travel; workers keep nothing. What they read and write by name (images, heads
in files, judges' answers) lies where every node reaches it under the same name, but for the file of
judges' answers, of which each node has its own.
"""

from balcap.cluster.connection import check
from balcap.cluster.pieces import worked_through

__all__ = ["check", "worked_through"]
