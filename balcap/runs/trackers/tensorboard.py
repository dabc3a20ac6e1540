"""TensorBoard: an event file in the run's folder, `tensorboard --logdir RUN/tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import say
from balcap.runs.folder import RunFolder
from balcap.runs.trackers.tracker import Tracker
from balcap.types import Sample


class TensorBoardLog(Tracker):
    """Written with TensorBoard's own classes: its package needs neither torch nor TensorFlow."""

    name = "tensorboard"

    def _begin(self, folder: RunFolder, project: str | None) -> Any:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        place = folder.path / "tensorboard"
        writer = EventFileWriter(str(place))
        say(f"tensorboard --logdir {place}")
        return writer

    def _step(self, step: int, metrics: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=v) for name, v in metrics.items()]
        self._add(step, values)

    def _captions(
        self, side: str, step: int, samples: Sequence[Sample], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.plugins.text.metadata import create_summary_metadata

        name = f"captions/{side}"
        tensor = TensorProto(
            dtype="DT_STRING",
            string_val=[_markdown(rows).encode()],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        metadata = create_summary_metadata(display_name=name, description="")
        self._add(step, [Summary.Value(tag=name, metadata=metadata, tensor=tensor)])

    def _summary(self, values: Mapping[str, float]) -> None:
        self._step(int(values.get("steps", 0)), values)

    def _end(self, exit_code: int) -> None:
        self._run.close()

    def _add(self, step: int, values: list[Any]) -> None:
        import time

        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(wall_time=time.time(), step=step, summary=Summary(value=values))
        self._run.add_event(event)


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table of Markdown, which TensorBoard shows as one."""
    heads = list(rows[0]["scores"])
    lines = [["sample", "caption", *heads], ["---"] * (2 + len(heads))]
    for row in rows:
        caption = " ".join(row["caption"].replace("|", "\\|").split())
        scores = ["" if value is None else f"{value:.3f}" for value in row["scores"].values()]
        lines.append([row["sample"], caption, *scores])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
