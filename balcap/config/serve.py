"""The settings of `balcap serve`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balcap.config.checks import above, at_least, names_a_variable, within
from balcap.config.reward import RewardSettings
from balcap.errors import UserError

TOKEN = "BALCAP_TOKEN"


@dataclass(frozen=True, kw_only=True)
class ServeSettings(RewardSettings):
    """Where scores are served, to whom, and how much at once.

    Attributes:
        host: address to listen at; one that other machines reach needs a token.
        port: to listen at; 0 takes a free one.
        image_root: folder that images are named below; default: images come in requests only.
        token: name of the environment variable that holds what requests must bear, never the token
            itself; default: BALCAP_TOKEN, where it is set.
        token_file: file that holds it, in place of a variable.
        insecure: let other machines ask without a token.
        max_batch: captions that are scored together.
        max_wait: seconds that a caption waits for others to be scored with.
        max_queue: captions that may wait; what comes beyond is turned away with HTTP 429.
        max_body: megabytes that a request may have.
    """

    host: str = "127.0.0.1"
    port: int = 8100
    image_root: Path | None = None
    token: str | None = None
    token_file: Path | None = None
    insecure: bool = False
    max_batch: int = 256
    max_wait: float = 0.01
    max_queue: int = 16384
    max_body: float = 64.0

    def __post_init__(self) -> None:
        RewardSettings.__post_init__(self)
        within("port", self.port, 0, 65535)
        at_least("max_batch", self.max_batch, 1)
        at_least("max_wait", self.max_wait, 0.0)
        at_least("max_queue", self.max_queue, 1)
        above("max_body", self.max_body, 0.0)
        if self.length_unit == "tokens":
            raise UserError(
                "length_unit is 'tokens'; captions of a request are counted in words or chars"
            )
        if self.token is not None and not names_a_variable(self.token):
            raise UserError(  # and the token must not stand in a message either
                "token is not the name of an environment variable, and perhaps a token itself; put "
                f"it into a variable and give that one's name: --token {TOKEN}"
            )
        if self.token is not None and self.token_file is not None:
            raise UserError(
                f"token is {self.token} and token_file {self.token_file}; give one of them"
            )
