"""What does verl load of balcap by itself? Its trainer, in runs that `BALCAP_CONFIG` is set for.

verl imports this module, the entry point `balcap` of the group `verl.plugins`, in each of its
processes, and that of whoever has both installed: without the variable it costs nothing.
"""

import logging
import os

from balcap.integrations.config_file import VARIABLE

if os.environ.get(VARIABLE):
    try:
        import balcap.integrations.verl.trainer  # noqa: F401
    except Exception as error:  # verl keeps it to itself
        logging.getLogger(__name__).warning("balcap's trainer for verl cannot be loaded: %s", error)
        raise
