"""`balcap ablate`, with every cell's settings checked before the first run starts."""

from __future__ import annotations

from balcap.cli.sweep import check_command
from balcap.config.ablate import AblateSettings
from balcap.sweeps import ablation


def run(settings: AblateSettings) -> int:
    """Run the ablation; returns the exit code. Raises UserError as `balcap.sweeps.ablation.run`."""
    return ablation.run(settings, check_command)
