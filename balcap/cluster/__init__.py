"""Work in pieces on Ray: `--engine ray` of `caption`, `score` and `curate`.

A piece and its result travel; workers keep nothing. What they read and write by name (images, heads
in files, shards) lies where every node reaches it under the same name. Judges' answers are in the
file that their setting names on each node: one of the node's own, or one that nodes share.
"""

from balcap.cluster.connection import check
from balcap.cluster.pieces import worked_through

__all__ = ["check", "worked_through"]
