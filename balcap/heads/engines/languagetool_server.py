"""Where is this machine's LanguageTool server? Found, or started: one for all processes of a user.

Its address stands in a file beside a lock. A process that needs the server, or finds it dead, takes
the lock and either reads the address of one that answers, or starts one and writes its address
down: so the ranks of a training start one between them, and one of them starts the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from balcap.errors import UserError

if TYPE_CHECKING:
    from language_tool_python.download_lt import LocalLanguageTool

START_SECONDS = 30.0
HEALTH_SECONDS = 5.0  # a busy server answers when one of its ten threads is free
REACH_SECONDS = 10.0  # to find out whether the download can be reached
JAR = "languagetool-server.jar"
JAR_FOLDER = "LTP_JAR_DIR_PATH"  # language_tool_python 3.4 knows it, but no longer looks there

# The server must not outlive its starter, however that ends: beside it, in the same process group,
# a shell reads from a pipe that the kernel closes then, and kills the group.
BESIDE = 'exec 3<&0; (read _ <&3; kill -9 0) & exec "$@" </dev/null 3<&-'
ELSEWHERE = "or use a server that runs elsewhere: --fluency.server http://HOST:8081"

_own: list[subprocess.Popen[bytes]] = []  # started by this process, which holds their pipes


def local_server() -> str:
    """Return the address of a server that answers, such as `http://127.0.0.1:41234`.

    Raises:
        UserError: if there is none and none can be started: all that is missing, in one message.
    """
    with _locked() as folder:
        known = folder / "address"
        address = known.read_text() if known.exists() else ""
        if not (address and _is_healthy(address)):
            address = _start(folder)
            known.write_text(address)
        return address


@contextmanager
def _locked() -> Iterator[Path]:
    """This user's folder on this machine, locked against other threads and processes."""
    folder = Path(tempfile.gettempdir()) / f"balcap-languagetool-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():  # its owner could have captions sent anywhere
        raise UserError(f"{folder} belongs to somebody else; set TMPDIR to a folder of your own")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _is_healthy(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{address}/v2/healthcheck", timeout=HEALTH_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException, ValueError):
        return False


def _start(folder: Path) -> str:
    """Start a server, in place of one that this process may have started before."""
    java, jar = _java_and_jar()
    while _own:
        _end(_own.pop())
    port = _free_port()
    command = [java, "-cp", str(jar), "org.languagetool.server.HTTPServer", "-p", str(port)]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            ["/bin/sh", "-c", BESIDE, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # a line a request
            stderr=out,
            start_new_session=True,  # Ctrl-C ends a training with a last evaluation, which needs it
        )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        if _is_healthy(address):
            _own.append(server)
            return address
        time.sleep(0.1)
    _end(server)
    raise UserError(
        f"{jar} does not start: {_complaint(log)}; Java 17 or later is needed, {ELSEWHERE}"
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _complaint(log: Path) -> str:
    """The line of a log that tells most."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["it says nothing"]
    telling = [line for line in lines if "Error" in line or "Exception" in line]
    return (telling or lines)[-1].strip()[:200]


def _java_and_jar() -> tuple[str, Path]:
    """Raises UserError that names everything that is missing."""
    java = shutil.which("java")
    missing = [] if java else ["no `java` on the PATH: install Java 17 or later"]
    try:
        jar = _jar(may_download=java is not None)
    except OSError as error:
        missing.append(str(error))
    if java is None or missing:
        raise UserError(f"LanguageTool cannot run here: {'; '.join(missing)}; {ELSEWHERE}")
    return java, jar


def _jar(*, may_download: bool) -> Path:
    """The jar: where LTP_JAR_DIR_PATH says, else the newest that is installed, else downloaded.

    Raises:
        OSError: if there is none.
    """
    from language_tool_python.download_lt import LocalLanguageTool

    if given := os.environ.get(JAR_FOLDER):
        jar = Path(given) / JAR
        if not jar.is_file():
            raise FileNotFoundError(f"no {JAR} in {given}, which {JAR_FOLDER} names")
        return jar
    installed = LocalLanguageTool.get_latest_installed_version()
    if installed is None:
        installed = LocalLanguageTool.from_version_name()
        if not may_download:
            raise FileNotFoundError(f"no {JAR}, which is only downloaded where Java is")
        _download(installed)
    return installed.get_jar_path()


def _download(wanted: LocalLanguageTool) -> None:
    """Download, after a short try: the library itself would wait a minute for a closed network."""
    try:
        urllib.request.urlopen(wanted.download_url, timeout=REACH_SECONDS).close()
        wanted.download()
    # the library raises SystemError and SystemExit for a Java that is too old or odd
    except (Exception, SystemExit) as error:
        raise FileNotFoundError(
            f"no {JAR}, and {wanted.download_url} cannot be downloaded ({error}): unzip that into "
            f"~/.cache/language_tool_python, or name its unzipped folder in {JAR_FOLDER}"
        ) from error
