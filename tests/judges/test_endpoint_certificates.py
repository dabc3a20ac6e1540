"""A server whose certificate is not trusted: one message, and no further try."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from balcap.errors import UserError
from balcap.judges.types import JudgeRequest
from helpers.endpoint import endpoint, request

QUESTIONS = [JudgeRequest.of("who are you?")]
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the key")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Signed by itself, with its key, for 127.0.0.1."""
    file = tmp_path / "own.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(file), "-out", str(tmp_path / "certificate"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (tmp_path / "certificate").read_text())
    return file


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    """The address of a server that shows it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result()
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


def test_a_certificate_that_is_not_trusted_is_told_at_once(url: str) -> None:
    with pytest.raises(UserError) as caught:
        request(endpoint(url, requests="chat", concurrency=1), QUESTIONS)
    assert str(caught.value) == (
        f"the certificate of {url} is not trusted (self-signed certificate); if the server is "
        "yours, name the file of the authority that signed it, export "
        "SSL_CERT_FILE=/path/to/ca.pem, or correct the name in judge.url"
    )
