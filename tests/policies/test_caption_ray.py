"""Captions of a data set by the workers of Ray: which cluster, and what they write there."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from balcap.cli import main

ray = pytest.importorskip("ray", reason="pip install 'balcap[scale]'")


def words(policy: str, out: str, *more: str) -> list[str]:
    """20 scenes in shards of 8, 8 and 4."""
    return [
        "caption", "--policy", policy, "--data", "shapes", "--limit", "20",
        "--max-tokens", "6", "--batch", "4", "--shard", "8", "--out", out, *more,
    ]  # fmt: skip


@pytest.fixture
def silent() -> Iterator[str]:
    """A cluster whose head takes the call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_cluster_that_does_not_answer_is_one_message_in_time(
    silent: str,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = str(fresh_policies["qwen2.5-vl"])
    more = ["--engine", "ray", "--ray-address", silent, "--ray-wait", "1"]
    began = time.monotonic()
    assert main(words(policy, str(tmp_path / "out"), *more)) == 2
    assert time.monotonic() - began < 20  # Ray itself tries for more than three minutes
    message = capsys.readouterr().err
    assert f"ray_address {silent!r} did not answer within 1 s (--ray-wait)" in message
    assert "leave out --ray-address" in message


def test_no_process_of_several_starts_a_cluster_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(words("tiny-qwen2.5-vl", str(tmp_path / "out"), "--engine", "ray")) == 2
    assert "--engine ray was started as 2 processes" in capsys.readouterr().err


def test_ray_writes_the_same_captions_wherever_its_workers_start(
    fresh_policies: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster that the environment names is gone: Ray is started here. Its workers start in the
    folder of the first command, and the second one is given from another, with relative names."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    policy = fresh_policies["qwen2.5-vl"]
    assert main(words(str(policy), str(here / "local"))) == 0
    (there / "policy").symlink_to(policy)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    engine = ["--engine", "ray", "--workers", "2"]
    try:
        monkeypatch.chdir(here)
        assert main(words(str(policy), "all", *engine)) == 0
        monkeypatch.chdir(there)
        assert main(words("./policy", "rest")) == 0
        for number in (1, 2):  # the first shard is there already: the workers write the others
            Path(f"rest/captions-{number:05d}.parquet").unlink()
        assert main(words("./policy", "rest", *engine)) == 0
    finally:
        ray.shutdown()
    for number in range(3):
        name = f"captions-{number:05d}.parquet"
        alone = parquet.read_table(here / "local" / name)
        assert parquet.read_table(here / "all" / name).equals(alone)
        assert parquet.read_table(there / "rest" / name).equals(alone)
    assert not os.path.exists(there / "rest" / ".samples")
