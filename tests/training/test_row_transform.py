"""That a data set's rows are opened when read, and nothing that this needs is pickled."""

from datasets import Dataset

from balcap.training.row_transform import RowTransform


class Weights:
    """Of a policy: gigabytes. Knows how often it was pickled."""

    pickled = 0

    def __reduce__(self):
        Weights.pickled += 1
        return Weights, ()


def test_a_data_set_opens_its_rows_and_pickles_none_of_what_that_needs():
    """Of ten rows the numbers are doubled when they are read, also in a selection of them."""
    weights = Weights()

    def doubled(rows):
        assert weights
        return {"row": [2 * row for row in rows["row"]]}

    rows = Dataset.from_dict({"row": list(range(10))})
    data = rows.with_transform(RowTransform(doubled))
    assert data[3] == {"row": 6}
    assert data.select([4, 5])[:] == {"row": [8, 10]}
    assert Weights.pickled == 0
    rows.with_transform(doubled)
    assert Weights.pickled > 0  # as a bare function's would be
