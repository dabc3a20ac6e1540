"""Run several command lines of balcap in one process, or in each of several.

python -m helpers.many_runs FILE      (also under accelerate launch)

FILE holds a JSON list of the lines, each a list of words.
"""

import json
import sys
from pathlib import Path

from balcap.cli import main

if __name__ == "__main__":
    for words in json.loads(Path(sys.argv[1]).read_text()):
        code = main(words)
        assert code == 0, (code, words)
