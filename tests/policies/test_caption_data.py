"""Captions of a data set: the same whoever writes them; none twice, none lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from PIL import Image

from balcap.cli import main
from balcap.policies.captioning import shards
from balcap.types import Sample

SCENES = 40


def words(policy: Path, out: Path, *more: str) -> list[str]:
    return [
        "caption", "--policy", str(policy), "--data", "shapes", "--limit", str(SCENES),
        "--max-tokens", "6", "--batch", "4", "--shard", "12", "--out", str(out), *more,
    ]  # fmt: skip


def rows(out: Path) -> list[dict[str, Any]]:
    files = sorted(out.glob("captions-*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


@pytest.fixture(scope="module", params=["qwen2.5-vl", "llava-1.5"])
def policy(request: pytest.FixtureRequest, fresh_policies: dict[str, Path]) -> Path:
    return fresh_policies[request.param]


@pytest.fixture(scope="module")
def whole(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 scenes, written at once: shards of 12, 12, 12 and 4."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert main(words(policy, out)) == 0
    return out


def test_shards_have_every_sample_once_in_the_datas_order(whole: Path) -> None:
    sizes = [parquet.read_metadata(file).num_rows for file in sorted(whole.glob("*.parquet"))]
    assert sizes == [12, 12, 12, 4]
    assert [row["id"] for row in rows(whole)] == [f"shapes-0-train-{n}" for n in range(SCENES)]
    manifest = json.loads((whole / "manifest.json").read_text())
    assert (manifest["captions"], manifest["bad"]) == (SCENES, 0)
    assert not list(whole.glob(".captions-*"))


def test_a_caption_does_not_hang_on_batch_or_shard(
    policy: Path, whole: Path, tmp_path: Path
) -> None:
    assert main(words(policy, tmp_path / "out", "--batch", "5", "--shard", "25")) == 0
    assert rows(tmp_path / "out") == rows(whole)


def test_drawn_captions_do_not_hang_on_the_shard(policy: Path, tmp_path: Path) -> None:
    drawn = ["--temperature", "1.0"]
    assert main(words(policy, tmp_path / "a", *drawn)) == 0
    assert main(words(policy, tmp_path / "b", *drawn, "--shard", "20")) == 0
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    assert len({row["caption"] for row in rows(tmp_path / "a")}) > SCENES // 2


def test_after_a_kill_only_what_is_missing_is_written(
    policy: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL as soon as a second shard is begun; the second start is counted."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "balcap", *words(policy, out)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    second = out / ".captions-00001.jsonl"
    until = time.monotonic() + 120
    while not second.is_file() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = sum(parquet.read_metadata(file).num_rows for file in out.glob("*.parquet"))
    for file in out.glob(".captions-*.jsonl"):
        lines = [line for line in file.read_text().splitlines(keepends=True) if line[-1] == "\n"]
        kept += sum(len(json.loads(line)["rows"]) for line in lines)
    assert 12 <= kept < SCENES
    written: list[str] = []
    original = shards.write_captions

    def counted(policy: Any, samples: Sequence[Sample], sampling: Any) -> Any:
        written.extend(sample.id for sample in samples)
        return original(policy, samples, sampling)

    monkeypatch.setattr(shards, "write_captions", counted)
    assert main(words(policy, out)) == 0
    assert len(written) == len(set(written)) == SCENES - kept
    assert rows(out) == rows(whole)


def test_ray_writes_the_same_captions(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ray = pytest.importorskip("ray", reason="pip install 'balcap[scale]'")
    policy = fresh_policies["qwen2.5-vl"]
    assert main(words(policy, tmp_path / "local")) == 0
    try:
        # the first shard is there already: the workers write the others
        assert main(words(policy, tmp_path / "ray", "--limit", str(SCENES))) == 0
        for file in sorted((tmp_path / "ray").glob("*.parquet"))[1:]:
            file.unlink()
        assert main(words(policy, tmp_path / "ray", "--engine", "ray", "--workers", "2")) == 0
    finally:
        ray.shutdown()
    assert rows(tmp_path / "ray") == rows(tmp_path / "local")
    assert not (tmp_path / "ray" / ".samples").exists()


def test_an_image_that_cannot_be_used_is_listed_and_the_rest_is_captioned(
    policy: Path, tmp_path: Path
) -> None:
    lines = []
    for number in range(6):
        file = tmp_path / f"{number}.png"
        Image.new("RGB", (56, 56), (40 * number, 0, 0)).save(file)
        lines.append(json.dumps({"id": str(number), "image": file.name}))
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:60])
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    given = words(policy, tmp_path / "out")
    given[given.index("shapes")] = f"images:{tmp_path / 'data.jsonl'}"
    assert main([*given, "--check-images", "exists"]) == 1  # 1 of 6 is more than 5 %
    found = {row["id"]: row for row in rows(tmp_path / "out")}
    assert list(found) == ["0", "1", "2", "3", "4", "5"]
    assert found["2"]["caption"] is None
    [bad] = [json.loads(line) for line in (tmp_path / "out" / "bad.jsonl").open()]
    assert bad == {name: found["2"][name] for name in ("id", "image", "error")}
    assert all(found[name]["caption"] is not None for name in "01345")
    assert main([*given, "--check-images", "exists", "--max-bad", "0.2"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-tokens", "7"], "settings.max_tokens = 6, and now it is 7"),
        (["--limit", "30"], "settings.limit = 40, and now it is 30"),
        (["--prompt", "Say what you see."], "settings.prompt"),
        (["a.png"], "images and data are both given"),
    ],
)
def test_another_captioning_in_the_folder_is_refused(
    more: list[str],
    message: str,
    policy: Path,
    whole: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(policy, whole, *more)) == 2
    assert message in capsys.readouterr().err
