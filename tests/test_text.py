"""Words, sentences and clauses: the one definition that every part counts by."""

import pytest

from balcap.text import clauses, sentences, word_count, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" \n ", ()),
        ("A dog. A cat!\nA bird", ("A dog.", "A cat!", "A bird")),
        ('It says "Hi." The end.', ('It says "Hi."', "The end.")),
        ("It costs 3.5 euros.", ("It costs 3.5 euros.",)),
        ("1. A dog\n2. A cat", ("A dog", "A cat")),
        ("... !", ()),
        ("一只狗。", ("一只狗。",)),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_a_long_sentence_is_followed_by_its_pieces():
    short = "A red circle and a blue star, both large."
    assert clauses(short) == (short,)
    long = "three shapes on white , large red circle top left , small blue star and a cross"
    assert clauses(long) == (
        long,
        "three shapes on white",
        "large red circle top left",
        "small blue star",
        "a cross",
    )


def test_a_long_sentence_in_one_piece_is_not_doubled():
    one = "word " * 20
    assert clauses(one) == (one.strip(),)


def test_and_inside_a_word_does_not_end_a_clause():
    text = "a man stands in the sand near a candle on an island beside two handsome dogs"
    assert clauses(text) == (text,)


def test_words_are_lower_case_without_punctuation():
    assert words("A well-known dog's T-shirt, 2 euros!") == (
        "a", "well-known", "dog's", "t-shirt", "2", "euros",
    )  # fmt: skip
    assert word_count("a , b") == 3  # pieces between white space, as CapArena counts
