"""A page as a browser sees it, through Chromium's DevTools pipe: no driver, no further package."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
IMAGES = "[...document.images].map(i => [i.alt, i.complete && i.naturalWidth > 0])"
HIDDEN = """
[...document.querySelectorAll("p, td, th, dd, blockquote, .chip, img")].filter(
  part => !part.checkVisibility({contentVisibilityAuto: true}) || !part.getClientRects().length
).map(part => part.innerText || part.textContent || part.alt)
"""


def chromium() -> str | None:
    """The browser's program, or None if there is none on this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Seen:
    """What a browser found on a page.

    Attributes:
        errors: uncaught exceptions, and what the browser complained of.
        requests: addresses that were asked for, but for the page itself and data URIs.
        images: the text of each image, and whether it could be shown.
        text: what can be read.
        width: of all that can be scrolled to, in CSS pixels.
        hidden: what of the page's text is folded away, as what lies in closed `<details>`.
        screenshot: PNG.
    """

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    images: list[tuple[str, bool]] = field(default_factory=list)
    text: str = ""
    width: int = 0
    hidden: list[str] = field(default_factory=list)
    screenshot: bytes = b""


def visit(
    page: Path, *, width: int = 1280, height: int = 2000, media: str = "screen", dark: bool = False
) -> Seen:
    """Open a file as it is, and look at it.

    Args:
        page: the file.
        width: of the window, in CSS pixels.
        height: of it.
        media: screen or print.
        dark: whether the reader prefers a dark page.
    """
    with _pipe() as browser:
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.session = session
        for domain in ("Runtime", "Log", "Network", "Page"):
            browser.ask(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        browser.ask("Page.navigate", url=page.resolve().as_uri())
        browser.wait_for("Page.loadEventFired")
        seen = Seen(
            images=[(told, shown) for told, shown in browser.value(IMAGES)],
            text=browser.value("document.documentElement.innerText"),
            width=browser.value("document.documentElement.scrollWidth"),
            hidden=browser.value(HIDDEN),
            screenshot=base64.b64decode(browser.ask("Page.captureScreenshot")["data"]),
        )
        for event in browser.events:
            _sort(event, seen, page)
    return seen


def _sort(event: dict[str, Any], seen: Seen, page: Path) -> None:
    said = event.get("params", {})
    if event["method"] == "Runtime.exceptionThrown":
        seen.errors.append(str(said["exceptionDetails"]))
    elif event["method"] == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
        seen.errors.append(said["entry"]["text"])
    elif event["method"] == "Network.requestWillBeSent":
        url = said["request"]["url"]
        if not url.startswith("data:") and url != page.resolve().as_uri():
            seen.requests.append(url)


class Browser:
    """Questions to a browser, and its answers: JSON, each ended by a zero byte."""

    def __init__(self, write: int, read: int) -> None:
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []
        self._write, self._read = write, read
        self._rest = b""
        self._number = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        question: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self.session:
            question["sessionId"] = self.session
        os.write(self._write, json.dumps(question).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def value(self, expression: str) -> Any:
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"][
            "value"
        ]

    def wait_for(self, event: str) -> None:
        until = time.monotonic() + 60
        while not any(one["method"] == event for one in self.events):
            assert time.monotonic() < until, f"no {event} within a minute"
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has gone"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextlib.contextmanager
def _pipe() -> Iterator[Browser]:
    """Start a browser that listens on its descriptor 3 and answers on 4."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # through a shell, because Python cannot choose the child's numbers
        command = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        program = [str(chromium()), *OPTIONS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            ["bash", "-c", command, "bash", *program],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Browser(ours_out, ours_in)
        finally:
            os.close(ours_out)
            os.close(ours_in)
            process.terminate()
            process.wait(20)
