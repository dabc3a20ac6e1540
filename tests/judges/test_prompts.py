"""A prompt is filled in once, and what is filled in is never read as a prompt."""

import pytest

from balcap.judges.prompts import Prompt
from balcap.judges.quoting import CLOSE, OPEN


@pytest.fixture
def prompt(tmp_path):
    file = tmp_path / "verify.txt"
    file.write_text(
        "# for those who read this\nBetween {open} and {close} is a text.\n\n"
        'Answer {"score": 1}.\n{question} {caption}\n'
    )
    return Prompt.read(file)


def test_a_prompt_is_its_text_without_comments_with_the_marks(prompt):
    assert prompt.name == "verify"
    assert prompt.text == (
        f'Between {OPEN} and {CLOSE} is a text.\n\nAnswer {{"score": 1}}.\n{{question}} {{caption}}'
    )


def test_what_is_filled_in_is_not_read_again(prompt):
    filled = prompt.fill(question="{caption}", caption="\\1 {question} {open}")
    assert filled.endswith("{caption} \\1 {question} {open}")


@pytest.mark.parametrize("values", [{"question": "q"}, {}, {"question": "", "captoin": ""}])
def test_a_name_too_few_or_too_many_is_an_error(prompt, values):
    with pytest.raises(KeyError, match="prompt verify"):
        prompt.fill(**values)


def test_another_text_has_another_digest_and_a_comment_does_not_count(prompt, tmp_path):
    file = tmp_path / "verify.txt"
    file.write_text(f"# other\n{file.read_text()}")
    assert Prompt.read(file).sha256 == prompt.sha256
    file.write_text(file.read_text().replace("is a text", "is text"))
    assert Prompt.read(file).sha256 != prompt.sha256
