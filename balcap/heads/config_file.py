"""What does the `config.yaml` of a run hold?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from balcap.advantage.rule import method_settings
from balcap.config import RewardSettings, plain
from balcap.heads.selection import Selected


def dump(settings: Any, heads: Selected | None = None) -> str:
    """Return settings as YAML which, read back as `--config`, gives the same settings and heads.

    The settings are written resolved, so that no default is left to be guessed. `resume` is left
    out: it says what to do now, not how a run is set.
    """
    if isinstance(settings, RewardSettings):
        settings = replace(settings, methods=method_settings(settings))
    content = plain(settings.resolved() if hasattr(settings, "resolved") else settings)
    content.pop("resume", None)
    for head in heads.evaluated if heads else ():
        if config := plain(head.config):
            content[head.name] = config
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
