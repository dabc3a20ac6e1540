"""A reward of your own: `balcap train --rewards my_head.py:MyHead,fluency`."""

from dataclasses import dataclass

from balcap.heads import Head


@dataclass(frozen=True, kw_only=True)
class MyConfig:
    """How long is a good caption?

    Attributes:
        words: from this length on a caption has the full score.
    """

    words: int = 12  # --my_head.words


class MyHead(Head[MyConfig]):
    """Is the caption long enough? Change this to what you want captions to be."""

    name, Config = "my_head", MyConfig

    def score(self, captions):
        """Scores in [0, 1], one for each caption; `caption.sample` has image and reference."""
        return [min(1.0, len(c.text.split()) / self.config.words) for c in captions]
