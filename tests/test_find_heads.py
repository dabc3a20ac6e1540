"""Heads are found by name, module or file, and chosen with their weights."""

from pathlib import Path

import pytest

from balcap.config import gated_heads
from balcap.errors import UserError
from balcap.heads import choose, find, installed
from balcap.heads.selection import parse_weighted

FILE = str(Path(__file__).parent / "helpers" / "findable_heads.py")
COLOURS = f"{FILE}:Colours"
PLAIN = f"{FILE}:Plain"


@pytest.fixture
def offered(monkeypatch):
    """Stand in for the entry points of installed packages."""
    from balcap import plugins

    def offer(**places):
        monkeypatch.setattr(plugins, "_installed", lambda group: dict(sorted(places.items())))

    return offer


def test_the_three_ways_to_name_a_head_give_one_class(offered, monkeypatch):
    monkeypatch.syspath_prepend(Path(FILE).parent)
    offered(colours="findable_heads:Colours")
    by_name, by_module = find("colours"), find("findable_heads:Colours")
    assert by_name is by_module
    assert by_name.name == find(COLOURS).name == "colours"


def test_a_file_is_loaded_once_however_often_it_is_named():
    assert find(COLOURS) is find(COLOURS)


def test_two_files_of_one_name_are_two_heads(tmp_path):
    text = "from balcap.heads import Head\nclass X(Head):\n    name = '{}'\n    score = list\n"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "reward.py").write_text(text.format(folder))
    choice = choose(",".join(f"{tmp_path / folder}/reward.py:X" for folder in ("one", "two")))
    assert [head.name for head in choice.trained] == ["one", "two"]


def test_balcaps_own_heads_are_registered_like_any_others():
    known = installed()
    assert known["cov"] == "balcap_rewards.cov:Cov"
    assert known["fluency"] == "balcap_rewards.fluency:Fluency"
    assert known["qa"] == "balcap_rewards.qa:Qa"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("covv", "no reward head 'covv'; have cov, qa (did you mean 'cov'?); or give package"),
        ("twice", "two packages offer a reward head 'twice': a:X and b:X"),
        ("no_such_package.heads:X", "no module 'no_such_package'"),
        ("balcap.no_such_module:X", "no module 'balcap.no_such_module'"),
        ("no/such/file.py:X", "no file 'no/such/file.py'"),
        (f"{FILE}:Colour", "no class 'Colour' in"),
        (f"{FILE}:Colour", "did you mean 'Colours'?"),
        (f"{FILE}:NotAHead", "is not a reward head; derive it from balcap.heads.Head"),
        (f"{FILE}:Unfinished", "does not define score"),
        (f"{FILE}:Nameless", "has the name None"),
        (":X", "failed"),
    ],
)
def test_what_cannot_be_found_is_told_with_its_name(offered, reference, message):
    places = {"cov": "balcap_rewards.cov:Cov", "qa": "balcap_rewards.qa:Qa"}
    offered(**places, **({"twice": "a:X and b:X"} if reference == "twice" else {}))
    with pytest.raises(UserError) as caught:
        find(reference)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_that_fails_on_import_is_one_message(tmp_path, text, message):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(UserError) as caught:
        find(f"{tmp_path}/broken.py:X")
    assert "broken.py failed" in str(caught.value)
    assert message in str(caught.value)


def test_a_package_that_lacks_a_dependency_names_the_dependency(tmp_path, monkeypatch):
    (tmp_path / "lacking_head.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"importing lacking_head .* 'no_such_package'"):
        find("lacking_head:X")


def test_weights_stand_in_rewards_or_beside_them():
    assert parse_weighted("rewards", "qa=1, cov=0.5,fluency") == {
        "qa": 1.0,
        "cov": 0.5,
        "fluency": None,
    }
    assert choose(f"{COLOURS}=2,{PLAIN}").weights == {"colours": 2.0, "plain": 1.0}
    assert choose(f"{COLOURS}=2,{PLAIN}", {"plain": 0.0, "colours": 3.0}).weights == {
        "colours": 3.0,
        "plain": 0.0,
    }


def test_the_trained_heads_are_evaluated_first_and_once():
    choice = choose(PLAIN, eval_rewards=f"{COLOURS},{PLAIN}")
    assert [head.name for head in choice.trained] == ["plain"]
    assert [head.name for head in choice.evaluated] == ["plain", "colours"]


def test_built_heads_share_instances_and_carry_their_settings():
    choice = choose(f"{COLOURS}=2", eval_rewards=PLAIN)
    config = choice.trained[0].Config(draws=8)
    heads = choice.build({"colours": config, "plain": choice.evaluated[1].Config()})
    assert heads.trained[0] is heads.evaluated[0]
    assert heads.trained[0].config is config
    assert heads.weights == {"colours": 2.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rewards": ""}, "rewards is empty"),
        ({"rewards": f"{PLAIN},,{COLOURS}"}, "each comma needs a head on both sides"),
        ({"rewards": f"{PLAIN},{PLAIN}=2"}, "appears twice"),
        ({"rewards": f"{PLAIN},{Path(FILE).parent}/../helpers/findable_heads.py:Plain"}, "plain"),
        ({"rewards": f"{COLOURS},{FILE}:SameName"}, "two heads are called 'colours'"),
        ({"rewards": COLOURS, "eval_rewards": f"{FILE}:SameName"}, "two heads are called"),
        ({"rewards": f"{PLAIN}=-1"}, "is '-1'; it must be a number of at least 0"),
        ({"rewards": f"{PLAIN}=nan"}, "is 'nan'; it must be a number"),
        ({"rewards": f"{PLAIN}=inf"}, "is 'inf'; it must be a number"),
        ({"rewards": f"{PLAIN}="}, "is ''; it must be a number"),
        ({"rewards": f"{PLAIN}=0"}, "every weight is 0 (plain)"),
        ({"rewards": PLAIN, "weights": {"plian": 1.0}}, "weights gives 'plian' a weight"),
        ({"rewards": PLAIN, "weights": {"plian": 1.0}}, "did you mean 'plain'?"),
        ({"rewards": PLAIN, "eval_rewards": f"{COLOURS}=1"}, "only heads in rewards have one"),
    ],
)
def test_a_choice_that_makes_no_sense_is_told(given, message):
    with pytest.raises(UserError) as caught:
        choose(**given)
    assert message in str(caught.value)


def test_fluency_is_gated_where_it_is_trained_unless_other_heads_are_named():
    assert gated_heads(None, ["qa", "fluency"]) == ("fluency",)
    assert gated_heads(None, ["qa"]) == ()
    assert gated_heads("", ["qa", "fluency"]) == ()
    assert gated_heads("qa, fluency", ["qa", "fluency"]) == ("qa", "fluency")
    with pytest.raises(UserError, match="gate_heads names 'cov', but rewards does not select it"):
        gated_heads("cov", ["qa"])


def test_a_head_cannot_take_the_name_of_a_runs_own_column(tmp_path: Path) -> None:
    file = tmp_path / "words.py"
    file.write_text(
        "from balcap.heads import Head\n"
        "class Words(Head):\n"
        "    name = 'words'\n"
        "    def score(self, captions): return [0.0 for _ in captions]\n"
    )
    with pytest.raises(UserError, match=r"'words'.*rename it"):
        find(f"{file}:Words")
