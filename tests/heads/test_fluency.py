"""fluency: lints and repetition."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from balcap.errors import UserError
from balcap.heads.engines.harper import lint_all, lint_kinds
from balcap.types import Caption, Sample
from balcap_rewards.fluency import Fluency, FluencyConfig, distinct, is_finished

SAMPLE = Sample("a", "")
GOOD = "A man in a red shirt stands next to a bicycle. Behind him, a bakery is open."


def fluency(text, **settings):
    return Fluency(FluencyConfig(**settings)).score([Caption(SAMPLE, text)])[0]


def test_good_english_is_fluent():
    assert fluency(GOOD) == 1.0


def test_a_lint_costs_its_share_of_the_words():
    text = "The man is is near a red car in the street."  # one doubled word, 11 words
    assert lint_kinds(text, spelling=False) == ("Repetition",)
    assert fluency(text) == pytest.approx(1 - 6 / 11)
    assert fluency(text, lint_cost=2.0) == pytest.approx(1 - 2 / 11)
    assert fluency(text, lint_cost=100.0) == 0.0
    assert fluency(text, ignore=("Repetition",)) == 1.0


def test_a_text_said_twice_halves_both_distinct_parts():
    once = "A dog runs over the grass."  # 6 words: 2 of its 5-grams, 8 in the text of 12 words
    # distinct 5-grams: 2 inside, 4 across the seam, the 2 again: 6 of 8; sentences: 1 of 2
    assert fluency(f"{once} {once}") == pytest.approx(6 / 8 * 1 / 2)


def test_a_text_that_breaks_off_loses_a_fifth():
    assert fluency("A dog runs over the") == pytest.approx(0.8)
    assert fluency("A dog runs over the", unfinished=0.5) == pytest.approx(0.5)


def test_a_pile_of_keywords_is_no_text():
    pile = "Man, red jacket, bicycle, busy street, two pedestrians, crossing, trees, sunny day."
    assert lint_kinds(pile, spelling=False) == ()  # 12 words, and no fault
    assert fluency(pile) == pytest.approx(0.2)
    # one function word of 13: of the share of 0.1 that holds a text together, 1/13
    assert fluency(f"A {pile}") == pytest.approx(1 / 13 / 0.1)
    # below 12 words, nothing is held against it
    assert fluency("Snowy mountains rise behind calm lakes.") == 1.0
    assert fluency("Man, red jacket, bicycle, busy street.") == 1.0


@pytest.mark.parametrize(
    ("text", "finished"),
    [("A dog.", True), ("Is it?\n", True), ('It says "Hi."', True), ("(A dog.) ", True),
     ("A dog", False), ("A dog,", False), ("", False)],
)  # fmt: skip
def test_what_counts_as_an_end(text, finished):
    assert is_finished(text) is finished


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "... !!!", "Ein Hund sitzt auf der Wiese vor einem Haus.", "一只狗坐在草地上。",
     "glorp xqz wibble snarf plugh."],
)  # fmt: skip
def test_no_words_and_no_english_score_0(text):
    assert fluency(text) == 0.0


def test_names_and_british_words_are_no_mistakes_unless_asked_for():
    text = "The colour of the sign near Wrocław is grey."
    assert fluency(text) == 1.0
    assert fluency(text, ignore=()) < 0.5


def test_threads_give_the_same_answers_as_one():
    texts = [f"The {word} is is at at the top {n} ." for n in range(10) for word in ("dog", "cat")]
    lint_kinds.cache_clear()
    alone = [lint_kinds(text, spelling=False) for text in texts]
    lint_kinds.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(lambda text: lint_kinds(text, spelling=False), texts))
    assert alone == beside
    lint_kinds.cache_clear()
    assert alone == lint_all(texts, spelling=False)


def test_the_distinct_share_of_nothing_is_whole():
    assert distinct([]) == 1.0
    assert distinct("aab") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        # over 150 scenes: .997, .161, .262, .998, 1, .687, .102
        ("reference", 0.98, 1.0),
        ("shuffled", 0.08, 0.25),
        ("twice", 0.22, 0.30),
        ("decent", 0.98, 1.0),
        ("short", 0.99, 1.0),
        ("ramble", 0.55, 0.80),
        ("tele", 0.03, 0.20),
    ],
)
def test_measured_on_the_shapes_world(mean_score, kind, low, high):
    assert low <= mean_score(Fluency(), kind) <= high


def test_mistaken_settings_are_refused():
    with pytest.raises(UserError, match=r"'Speling'.*did you mean 'Spelling'"):
        FluencyConfig(ignore=("Speling",))
    with pytest.raises(UserError, match=r"'Spelling'; the kinds .* of engine llm are none"):
        FluencyConfig(engine="llm", ignore=("Spelling",))
    with pytest.raises(UserError, match="lint_cost is -1"):
        FluencyConfig(lint_cost=-1.0)
