"""Each picture is processed once a step: TRL processes it for each caption of its group, and twice.

Of Qwen2.5-VL at 602,112 pixels that was 9 to 20 ms of one processor core a time: with 256 captions
a step 5 to 10 s in which the GPU waits.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

KEPT = 2**30
"""Bytes of processed pictures that are kept, the newest: 70 of 602,112 pixels. Ours."""


def remember_images(processor: Any) -> None:
    """Let a processor keep what it makes of a picture; what it gives is the same, bit for bit.

    Args:
        processor: of a policy. Its image processor becomes one of a class derived from its own, of
            the same name, as that is what its configuration files say.
    """
    own = processor.image_processor
    if isinstance(own, _Remembering):
        return
    kind = type(own)
    own.__class__ = type(kind.__name__, (_Remembering, kind), {"__module__": kind.__module__})
    own._memo = _Memo()


class _Remembering:
    """Puts the answer for a batch together from those for its pictures."""

    _memo: _Memo

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        from transformers import BatchFeature
        from transformers.image_utils import make_flat_list_of_images

        whole: Any = super().__call__  # type: ignore[misc]
        if args or kwargs.get("return_tensors") != "pt":
            return whole(images, *args, **kwargs)
        parts = []
        for image in make_flat_list_of_images(images):
            if not hasattr(image, "tobytes"):
                return whole(images, **kwargs)
            key = _key(image, kwargs)
            if (part := self._memo.get(key)) is None:
                part = dict(whole([image], **kwargs))
                self._memo.put(key, part)
            parts.append(part)
        return BatchFeature({name: _joined([part[name] for part in parts]) for name in parts[0]})

    def to_dict(self) -> dict[str, Any]:
        """The configuration, without the pictures."""
        content: dict[str, Any] = super().to_dict()  # type: ignore[misc]
        content.pop("_memo", None)
        return content


class _Memo:
    """What was made of pictures, the newest `KEPT` bytes of it."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was made of a picture; None if it is not there."""
        found = self._made.get(key)
        if found is not None:
            self._made.move_to_end(key)
        return found

    def put(self, key: str, made: Mapping[str, Any]) -> None:
        """Keep it, in the place of the oldest ones."""
        self._made[key] = made
        self._bytes += _size(made)
        while self._bytes > KEPT and len(self._made) > 1:
            _, old = self._made.popitem(last=False)
            self._bytes -= _size(old)


def _size(made: Mapping[str, Any]) -> int:
    return sum(tensor.nbytes for tensor in made.values())


def _key(image: Any, how: Mapping[str, Any]) -> str:
    shape = (getattr(image, "size", None), getattr(image, "mode", None), sorted(how.items()))
    return hashlib.blake2b(image.tobytes() + repr(shape).encode()).hexdigest()


def _joined(tensors: list[Any]) -> Any:
    import torch

    return torch.cat(tensors)
