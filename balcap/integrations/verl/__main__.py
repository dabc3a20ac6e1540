"""Which arguments does verl need? `python -m balcap.integrations.verl FILE` prints them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from balcap.errors import UserError
from balcap.integrations.verl.settings import settings_for, words


def main(given: Sequence[str]) -> int:
    """Check the file and print the arguments; 2 for a mistake in it."""
    try:
        if len(given) != 1:
            raise UserError("give one file: python -m balcap.integrations.verl heads.yaml")
        settings_for(given[0])
        print(words(given[0]))
    except UserError as error:
        print(f"balcap: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
