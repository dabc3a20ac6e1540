"""Whether image, prompt and caption fit into a policy's context, by the processor's own count."""

from pathlib import Path

import pytest
from PIL import Image

from balcap.cli import main
from balcap.config import ModelSettings
from balcap.policies import locate
from balcap.policies.context import Context, context_of
from helpers.training import command

PROMPT = "Describe this image in detail."
SIZES = [(4, 3), (640, 480), (10, 1990)]


@pytest.mark.parametrize("policy", ["tiny-qwen2.5-vl", "tiny-llava-1.5"])
@pytest.mark.parametrize("size", SIZES)
def test_what_just_fits_is_shown_and_one_token_less_is_not(
    policy: str, size: tuple[int, int]
) -> None:
    context = context_of(ModelSettings(policy=policy), locate(policy))
    assert context.length == 2048
    content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
    text = context.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    read = context.processor(text=[text], images=[Image.new("RGB", size)])["input_ids"][0]
    full = len(read) + 100
    assert not Context(context.processor, full).fault_of(size, PROMPT, 100)
    fault = Context(context.processor, full - 1).fault_of(size, PROMPT, 100)
    assert f"the policy's context has {full - 1:,};" in fault


def test_a_policy_without_a_limit_takes_all() -> None:
    assert not Context(None, None).fault_of((10**6, 10**6), PROMPT, 10**6)


def test_an_image_that_does_not_fit_is_told_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """28 x 28 pixels are a token: 1,680 x 1,400 are 60 x 50."""
    Image.new("RGB", (1680, 1400)).save(tmp_path / "0.png")
    (tmp_path / "d.jsonl").write_text('{"image": "0.png", "caption": "A red square."}\n')
    line = command(Path("tiny-qwen2.5-vl"), tmp_path / "run")
    more = ["--data", f"records:{tmp_path / 'd.jsonl'}", "--eval-samples", "0"]
    assert main([*line, *more, "--max-pixels", "9000000"]) == 2
    told = capsys.readouterr().err
    assert "1680 x 1400 pixels are 3,000 tokens" in told
    assert "the policy's context has 2,048" in told
