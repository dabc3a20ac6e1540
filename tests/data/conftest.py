import json

import pytest
from PIL import Image

from balcap.config import DataSettings
from balcap.data import load


class Folder:
    """A folder of data files and tiny images, and how it is loaded."""

    def __init__(self, path):
        self.path = path

    def image(self, *names):
        for index, name in enumerate(names):
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 3), (index % 256, 0, 0)).save(self.path / name)

    def lines(self, rows, name="data.jsonl"):
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        return self.text(text, name)

    def json(self, content, name="data.json"):
        return self.text(json.dumps(content), name)

    def text(self, text, name):
        (self.path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return str(self.path / name)

    def load(self, kind, file, seed=0, need_images=True, **settings):
        """Load with every bad row left out, as long as a row is left."""
        settings = {"eval_samples": 0, "max_bad": 1.0} | settings
        return load(DataSettings(data=f"{kind}:{file}", **settings), seed, need_images=need_images)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
