"""What does a failed request mean: try again, ask otherwise, or tell the user?"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from balcap.errors import UserError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from balcap.judges.endpoint.config import EndpointSettings

SHOWN = 200  # characters of a server's message that are quoted
PASSING = (408, 409, 425, 429)  # and 500 upwards


class PassingError(Exception):
    """This may pass on another try.

    Attributes:
        wait: seconds that the server asks to wait; 0 where it does not say.
        lost: whether there was nobody to take the connection.
    """

    def __init__(self, reason: str, wait: float = 0.0, lost: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.lost = lost


class RefusedError(Exception):
    """The server does not answer this, however often it is asked.

    Attributes:
        status: of HTTP.
        message: the server's own, shortened.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"refused by the server (HTTP {status}): {message}")
        self.status = status
        self.message = message


def of_connection(error: Exception, url: str, config: EndpointSettings) -> Exception:
    """What a connection that failed, or broke, means: a PassingError, or the UserError of a
    certificate that is not trusted, which no further try mends."""
    from aiohttp import (
        ClientConnectorCertificateError,
        ClientConnectorError,
        ConnectionTimeoutError,
    )

    if isinstance(error, ClientConnectorCertificateError):
        said = error.certificate_error
        return UserError(
            f"the certificate of {url} is not trusted ({getattr(said, 'verify_message', said)}); "
            "if the server is yours, name the file of the authority that signed it, export "
            f"SSL_CERT_FILE=/path/to/ca.pem, or correct the name in {config.group}.url"
        )
    if isinstance(error, ConnectionTimeoutError):
        return PassingError(f"no connection within {config.connect_timeout:g} s", lost=True)
    if isinstance(error, ClientConnectorError):
        return PassingError(f"no connection ({_short(str(error))})", lost=True)
    return PassingError(f"the connection broke ({_short(str(error)) or type(error).__name__})")


def of_status(
    response: ClientResponse, content: bytes, config: EndpointSettings, key: str, worked: bool
) -> Exception:
    """What a status of HTTP above 399 means: a PassingError, RefusedError or UserError.

    Args:
        response: with its status and headers.
        content: its body.
        config: of who asks.
        key: what was sent as the key, to be left out of the message; some servers repeat it.
        worked: whether the server has taken that key before. Then a 403 is about the question:
            some hosts forbid what their moderation does not like.
    """
    status = response.status
    message = _message(content)
    if key:
        message = message.replace(key, "***")
    message = _short(message)
    if status == 401 or (status == 403 and not worked):
        return UserError(_about_key(status, message, config, bool(key)))
    if status in PASSING or status >= 500:
        said = f": {message}" if message else ""
        return PassingError(f"HTTP {status}{said}", wait=asked_to_wait(response.headers))
    return RefusedError(status, message)


def asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds of `Retry-After`, given as a number or as a date; 0 where there is none."""
    said = headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _about_key(status: int, message: str, config: EndpointSettings, given: bool) -> str:
    variable, other = config.variable, f"--{config.group}.key NAME"
    problem = (
        f"it was sent the key in the environment variable {variable}; correct it, or name another "
        f"one with {other}"
        if given
        else f"no key was sent, as the environment variable {variable} is not set; set it, or name "
        f"another one with {other}"
    )
    return f"the {config.group} refused the key (HTTP {status}: {message}): {problem}"


def _message(content: bytes) -> str:
    """The server's own words, from whichever form its error has."""
    text = content.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        return text
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        body = body["error"]
    for name in ("message", "error", "detail"):
        if isinstance(body, Mapping) and isinstance(body.get(name), str):
            return str(body[name])
    return str(body or "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."
