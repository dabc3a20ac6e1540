"""A picture is processed once, and what comes of it is what it was."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from balcap.config import ModelSettings
from balcap.policies import image_memo, load
from balcap.policies.image_memo import remember_images

FAMILIES = ("qwen2.5-vl", "llava-1.5")
PICTURES = [
    Image.effect_noise(size, 80).convert("RGB")
    for size in ((60, 40), (200, 90), (60, 40), (28, 28))
]
BATCH = [PICTURES[i] for i in (0, 0, 1, 2, 1, 3, 0)]  # 2 is of the size of 0, with other pixels


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("nested", [False, True])
def test_a_batch_is_the_same_to_the_bit(
    fresh_policies: dict[str, Path], family: str, nested: bool
) -> None:
    processor = load(ModelSettings(policy=str(fresh_policies[family]))).processor
    images = [[image] for image in BATCH] if nested else BATCH
    plain = processor.image_processor(images=images, return_tensors="pt")
    calls: list[int] = []
    own = type(processor.image_processor).preprocess

    def counted(self: object, images: list[object], *args: object, **kwargs: object) -> object:
        calls.append(len(images))
        return own(self, images, *args, **kwargs)

    processor.image_processor.preprocess = counted.__get__(processor.image_processor)
    remember_images(processor)
    remember_images(processor)  # once more changes nothing
    for _ in range(2):
        found = processor.image_processor(images=images, return_tensors="pt")
        assert found.keys() == plain.keys()
        assert all(torch.equal(found[name], plain[name]) for name in plain)
    assert calls == [1] * 4  # four different pictures, whatever was asked


@pytest.mark.parametrize("family", FAMILIES)
def test_a_processor_is_saved_as_ever(
    fresh_policies: dict[str, Path], family: str, tmp_path: Path
) -> None:
    processor = load(ModelSettings(policy=str(fresh_policies[family]))).processor
    processor.save_pretrained(tmp_path / "before")
    remember_images(processor)
    processor.image_processor(images=BATCH, return_tensors="pt")
    processor.save_pretrained(tmp_path / "after")
    before, after = (
        {file.name: file.read_bytes() for file in (tmp_path / side).iterdir()}
        for side in ("before", "after")
    )
    assert after == before


def test_other_settings_are_another_question(fresh_policies: dict[str, Path]) -> None:
    processor = load(ModelSettings(policy=str(fresh_policies["llava-1.5"]))).processor
    remember_images(processor)
    once, again = (
        processor.image_processor(images=BATCH[:1], return_tensors="pt", do_normalize=normalized)
        for normalized in (True, False)
    )
    assert not torch.equal(once["pixel_values"], again["pixel_values"])


def test_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of 40 bytes each where 100 are kept: the oldest goes."""
    monkeypatch.setattr(image_memo, "KEPT", 100)
    memo = image_memo._Memo()
    for name in "abc":
        memo.put(name, {"pixels": torch.zeros(10)})
    assert [memo.get(name) is not None for name in "abc"] == [False, True, True]
