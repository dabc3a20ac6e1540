"""A file is whole, or as it was before."""

from pathlib import Path

import pytest

from balcap.atomic import atomic_write


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    with atomic_write(path) as file:
        file.write(b"first")
        assert not path.exists()
    with pytest.raises(OSError, match="full"), atomic_write(path) as file:  # noqa: PT012
        file.write(b"sec")
        raise OSError("full")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
