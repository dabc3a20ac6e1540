"""Captions of a data set: the same whoever writes them; none twice, none lost."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as parquet
import pytest
from PIL import Image

from balcap import distributed
from balcap.cli import main
from balcap.config import CaptionSettings
from balcap.data import load as load_data
from balcap.data.caption_file import from_file
from balcap.policies import locate
from balcap.policies.captioning import shards
from balcap.policies.captioning.work import Work
from balcap.policies.origin import Origin
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
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["captions"], manifest["bad"], manifest["bad_images"]) == (5, 1, 1)
    assert all(found[name]["caption"] is not None for name in "01345")
    assert main([*given, "--check-images", "exists", "--max-bad", "0.2"]) == 0
    # the other captions can be used: the shard is read, without the row that has none
    [shard] = (tmp_path / "out").glob("captions-*.parquet")
    assert list(from_file(shard)) == ["0", "1", "3", "4", "5"]


def test_rows_that_the_data_check_leaves_out_are_listed(policy: Path, tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (56, 56), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    lines = [json.dumps({"image": f"{number}.png"}) for number in (0, 1, 2, 3)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    given = words(policy, tmp_path / "out", "--max-bad", "0.5")  # rows 2 and 4: half of them
    given[given.index("shapes")] = f"images:{tmp_path / 'data.jsonl'}"
    assert main(given) == 0  # what has been counted before the start is not counted once more
    assert [row["id"] for row in rows(tmp_path / "out")] == ["0.png", "2.png"]
    bad = [json.loads(line) for line in (tmp_path / "out" / "bad.jsonl").open()]
    assert [(row["file"], row["row"]) for row in bad] == [
        (str(tmp_path / "data.jsonl"), 2), (str(tmp_path / "data.jsonl"), 4),
    ]  # fmt: skip
    assert "is of no format that Pillow knows" in bad[0]["error"]
    assert "no image '3.png'" in bad[1]["error"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["captions"], manifest["bad"], manifest["bad_rows"]) == (2, 2, 2)


def test_other_weights_in_the_same_place_are_refused(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = shutil.copytree(policy, tmp_path / "policy")
    assert main(words(own, tmp_path / "out", "--limit", "4")) == 0
    with (own / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    assert main(words(own, tmp_path / "out", "--limit", "4")) == 2
    assert "with weights.model.safetensors = " in capsys.readouterr().err


def test_a_process_writes_its_share_of_what_the_first_one_found_missing(
    policy: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two: of shards 0, 1 and 3 it has shard 1. By itself it would find all missing,
    and write 1 and 3, of which the first process has the last."""
    import torch

    origin = Origin.of(str(policy), locate(str(policy)))
    told = iter([None, (origin, [0, 1, 3]), None])  # no failure; what is to be done; the end
    state = SimpleNamespace(process_index=1, num_processes=2, device=torch.device("cpu"))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(distributed, "everyones", lambda item: [next(told), item])
    monkeypatch.setattr(distributed, "state", lambda: state)
    (tmp_path / "out").mkdir()  # by the first process
    assert main(words(policy, tmp_path / "out")) == 0
    assert [file.name for file in (tmp_path / "out").glob("*")] == ["captions-00001.parquet"]
    one = parquet.read_table(tmp_path / "out" / "captions-00001.parquet")
    assert one.equals(parquet.read_table(whole / "captions-00001.parquet"))


def test_a_worker_in_another_folder_finds_everything(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker is told, as it is sent: policy, folder and images were named from `here`."""
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    shutil.copytree(policy, here / "models" / "m")
    Image.new("RGB", (56, 56)).save(here / "0.png")
    with tarfile.open(here / "data.tar", "w") as archive:
        archive.add(here / "0.png", "0.png")
    monkeypatch.chdir(here)
    asked = CaptionSettings(
        policy="models/m", data="images:data.tar", out=Path("out"), max_tokens=2, batch=2
    ).resolved()
    sent = Work.of(asked, Origin.of("models/m", locate("models/m")))
    samples = load_data(asked.samples_of).train
    monkeypatch.chdir(there)
    work, samples = pickle.loads(pickle.dumps((sent, samples)))
    (here / "out").mkdir()
    assert work.writer().write(0, samples) == 1
    [row] = rows(here / "out")
    assert row["error"] is None


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
