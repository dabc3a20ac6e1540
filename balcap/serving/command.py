"""`balcap serve`: the heads behind an HTTP server."""

from __future__ import annotations

import ipaddress
import os
import resource
import signal
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from balcap.advantage.rule import AdvantageRule
from balcap.config import ServeSettings
from balcap.config.serve import TOKEN
from balcap.console import say
from balcap.errors import UserError
from balcap.heads import Head, Selected
from balcap.heads.scoring import score
from balcap.types import Caption, Question, Sample

BACKLOG = 2048  # connections that wait to be taken
FILES = 65536  # open files that are asked for, where the system allows so many
KEEP = 75  # seconds that an idle connection stays open: engines ask once a step
NEEDED = ("fastapi", "uvicorn", "prometheus_client")


def run(settings: ServeSettings, selected: Selected) -> int:
    """Serve until SIGTERM or Ctrl-C; what has been asked for by then is answered first.

    Raises:
        UserError: if a package is missing, the address cannot be listened at or is open to all
            without a token, or a head cannot score.
    """
    if any(find_spec(package) is None for package in NEEDED):
        raise UserError("balcap serve needs FastAPI and uvicorn: pip install 'balcap[serve]'")
    token = _token(settings)
    if not token and not settings.insecure and not _is_loopback(settings.host):
        raise UserError(
            f"host is {settings.host}, which other machines reach, and there is no token; export "
            f"{TOKEN}=..., or say that everybody may ask: --insecure"
        )
    if settings.image_root is not None and not settings.image_root.is_dir():
        raise UserError(
            f"image_root is {str(settings.image_root)!r}, which is no folder; give the one that "
            "holds the images"
        )
    rule = AdvantageRule.of(settings, selected.weights)
    listening = _listening(settings)
    _allow_connections()
    # after a graceful end uvicorn raises its signal again
    signal.signal(signal.SIGTERM, _leave)
    _warm_up(selected.trained)
    _serve(settings, selected.trained, rule, token, listening)
    return 0


def _serve(
    settings: ServeSettings,
    heads: Sequence[Head[Any]],
    rule: AdvantageRule,
    token: str,
    listening: socket.socket,
) -> None:
    import uvicorn

    from balcap.serving.app import Service, app_of
    from balcap.serving.batching import Batcher
    from balcap.serving.items import ItemReader
    from balcap.serving.metrics import Metrics
    from balcap.serving.scorer import Scorer

    metrics = Metrics()
    batcher = Batcher(
        Scorer(heads, rule, settings.length_unit, metrics),
        max_batch=settings.max_batch,
        max_wait=settings.max_wait,
        max_queue=settings.max_queue,
    )
    looks = any("image" in head.requires for head in heads)
    reader = ItemReader.of(settings.image_root, looks=looks)
    weights = {head.name: rule.weights[head.name] for head in heads}
    service = Service(reader, batcher, metrics, weights, token, int(settings.max_body * 1e6))
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    line = f"serving {', '.join(weights)} at http://{shown}:{port} (Ctrl-C ends)"
    # said by the application: from there on a signal ends it in order
    app = app_of(service, started=lambda: say(line))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, backlog=BACKLOG, timeout_keep_alive=KEEP
    )
    uvicorn.Server(config).run(sockets=[listening])


def _token(settings: ServeSettings) -> str:
    """What requests must bear; empty for nothing."""
    if settings.token_file is not None:
        try:
            found = settings.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"token_file is {settings.token_file}: {error}") from None
        where = f"the file {settings.token_file}"
    else:
        found = os.environ.get(settings.token or TOKEN, "").strip()
        where = f"the environment variable {settings.token}"
        if settings.token is None:
            return found
    if not found:
        raise UserError(
            f"{where} holds no token; write one, such as what `openssl rand -hex 32` gives"
        )
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(settings: ServeSettings) -> socket.socket:
    """Taken before a model is loaded: an address that is in use is told at once."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python repeats the address there
        raise UserError(
            f"host is {settings.host} and port {settings.port}, and that cannot be listened at "
            f"({reason}); give another: --port, --host"
        ) from None


def _allow_connections() -> None:
    """Each is an open file, and many systems allow 1,024 of them until a process asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _warm_up(heads: Sequence[Head[Any]]) -> None:
    """Load the models of heads that ask no judge, by a caption; so a missing one is told now."""
    question = Question("What colour is the ball?", ("red", "blue"), 0)
    text = "A red ball lies on the grass."
    sample = Sample("warm-up", "", None, text, (text,), (question,))
    given = {"reference", "facts", "questions"}
    score([h for h in heads if not h.uses_judge and h.requires <= given], [Caption(sample, text)])
