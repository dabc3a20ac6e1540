"""The reward matrix refuses what would be misread later; `import balcap` stays light."""

from __future__ import annotations

import subprocess
import sys

import jaxtyping
import numpy as np
import pytest

import balcap
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers.whitening import whiten


def matrix(**changes) -> RewardMatrix:
    """Two captions of one group, two heads, everything scored."""
    parts = {
        "values": [[0.1, 1.0], [0.2, 0.0]],
        "scored": [[True, True], [True, True]],
        "group": [0, 0],
        "heads": ("qa", "cov"),
    }
    return RewardMatrix(**(parts | changes))


def test_lists_become_arrays_of_the_stated_types():
    made = matrix()
    assert (made.values.dtype, made.scored.dtype, made.group.dtype) == (float, bool, np.int64)
    assert made.kept.all()
    assert made.kept.shape == (2, 2)
    assert len(made) == 2


def test_a_float32_score_keeps_its_value():
    assert matrix(values=np.full((2, 2), 0.1, np.float32)).values[0, 0] == np.float32(0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"values": [[0.1, 1.0]]},
            r"values has shape \(1, 2\);.* heads qa, cov it must be \(2, 2\)",
        ),
        ({"scored": [True, True]}, r"scored has shape \(2,\)"),
        ({"kept": [[True], [True]]}, r"kept has shape \(2, 1\)"),
        ({"group": [0, 0, 0]}, r"with 3 captions"),
        ({"group": [[0], [0]]}, r"group has shape \(2, 1\)"),
        ({"group": [0.0, 0.5]}, r"whole numbers"),
        ({"heads": ("qa", "qa")}, r"a head appears twice: qa, qa"),
        ({"values": [[0.1, np.nan], [0.2, 0.0]]}, r"head 'cov' scored caption 0 as nan"),
        ({"values": [[0.1, 1.0], [np.inf, 0.0]]}, r"head 'qa' scored caption 1 as inf"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        matrix(**changes)


def test_anything_may_stand_where_nothing_was_scored():
    made = matrix(values=[[0.1, np.nan], [0.2, np.inf]], scored=[[True, False], [True, False]])
    assert made.scored.sum() == 2


def test_no_captions_is_a_matrix_too():
    made = matrix(values=np.empty((0, 2)), scored=np.empty((0, 2)), group=[])
    assert len(made) == 0


def test_column_names_what_there_is():
    assert matrix().column("cov") == 1
    with pytest.raises(ValueError, match=r"no head 'cvo'.*qa, cov \(did you mean 'cov'\?\)"):
        matrix().column("cvo")


def test_with_columns_leaves_the_original_alone():
    first = matrix()
    second = first.with_columns(scored=np.zeros((2, 2), bool))
    assert first.scored.all()
    assert not second.scored.any()
    assert second.heads == first.heads


def test_with_columns_checks_again():
    with pytest.raises(ValueError, match="values has shape"):
        matrix().with_columns(values=np.zeros((2, 3)))


def test_public_names_are_there_and_listed():
    for name in balcap.__all__:
        assert getattr(balcap, name) is not None
        assert name in dir(balcap)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'advantagges'"):
        balcap.advantagges  # noqa: B018


def test_importing_balcap_imports_no_numpy():
    code = "import sys, balcap; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_matrix_cannot_be_written_to_and_does_not_follow_what_it_was_made_of():
    values = np.array([[0.1, 1.0], [0.2, 0.0]])
    made = matrix(values=values)
    values[0, 0] = 9.0
    assert made.values[0, 0] == 0.1
    for part in (made.values, made.scored, made.group, made.kept):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0


def test_shapes_and_dtypes_are_checked_while_the_tests_run():
    # 3 captions among which 2 are said to count; and whole numbers where scores are wanted
    per_head, three, two = np.zeros((3, 2)), np.ones(3, dtype=bool), np.ones(2, dtype=bool)
    whiten(per_head, among=three, moved=three, eps=0.0)
    for bad in ({"among": two, "moved": two}, {"among": three, "moved": np.ones(3)}):
        with pytest.raises(jaxtyping.TypeCheckError):
            whiten(per_head, eps=0.0, **bad)
