"""From what verl knows of a rollout's prompt to a sample: columns, and an image in its turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from balcap.integrations.columns import opened, sample_of
from balcap.types import Sample

NOT_COLUMNS = frozenset({
    "raw_prompt", "prompt", "dummy_tensor", "index", "tools_kwargs", "interaction_kwargs", "uid",
    "session_id", "agent_name", "global_steps", "priority", "validate", "__num_turns__",
    "tool_extra_fields", "prompt_len", "response_len", "multi_modal_data",
})  # fmt: skip
"""What verl 0.9 gives a reward manager beside the data set's columns."""


def sample_within(fields: Mapping[str, Any]) -> Sample:
    """The sample of one rollout.

    Args:
        fields: of verl's `non_tensor_batch`, by name; NumPy's where verl made arrays of lists. The
            images are no longer in their column, but in the turns of `raw_prompt`.

    Raises:
        UserError: if the row has no `id`.
        BadRowError: if its questions cannot be read.
        OSError: if its image cannot be read.
    """
    row = {name: _plain(value) for name, value in fields.items() if name not in NOT_COLUMNS}
    images = [image for turn in _plain(fields["raw_prompt"]) for image in _images(turn)]
    if images:
        row["image"] = opened(images[0])
    return sample_of(row)


def _images(turn: Mapping[str, Any]) -> Iterable[Any]:
    """The images of a turn, in any form that `opened` reads."""
    if isinstance(turn["content"], str):
        return []
    parts = [part for part in turn["content"] if part["type"] == "image"]
    return [part.get("image") or part for part in parts]


def _plain(value: Any) -> Any:
    """Lists and plain values, of NumPy's."""
    return value.tolist() if hasattr(value, "tolist") else value
