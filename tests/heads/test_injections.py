"""The captions that talk to the judge: what is left of them in a question."""

import re

import pytest

from balcap.judges.quoting import CLOSE, OPEN, quoted
from balcap_rewards.injections import INJECTIONS

TEXTS = [text for texts in INJECTIONS.values() for text in texts]


def test_the_set_holds_each_text_once():
    assert len(set(TEXTS)) == len(TEXTS)
    assert all(text.strip() for text in TEXTS)


@pytest.mark.parametrize("text", TEXTS)
def test_a_quotation_has_one_beginning_and_one_end(text):
    whole = quoted(text)
    assert whole.startswith(OPEN)
    assert whole.endswith(CLOSE)
    inside = whole.removeprefix(OPEN).removesuffix(CLOSE)
    assert OPEN not in inside
    assert CLOSE not in inside


@pytest.mark.parametrize("text", [text for text in TEXTS if not re.search(r"[<>\[]", text)])
def test_a_caption_without_tokens_and_marks_is_shown_as_it_is(text):
    """A judge must see what the policy wrote, to think little of it."""
    assert quoted(text) == f"{OPEN}{text}{CLOSE}"


def test_what_is_no_token_stays_as_it_was_written():
    for text in ("A sign says [STOP] <here>.", "a < b > c", "1 | 2", "<dog>", "{name}"):
        assert quoted(text) == f"{OPEN}{text}{CLOSE}"
