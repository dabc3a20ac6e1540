"""For launchers that take a module: `accelerate launch -m balcap.cli train`."""

import sys

from balcap.cli import main

if __name__ == "__main__":
    sys.exit(main())
