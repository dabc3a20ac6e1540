"""For `python -m balcap`, and launchers that take a module: `accelerate launch -m balcap train`."""

import sys

from balcap.cli import main

if __name__ == "__main__":
    sys.exit(main())
