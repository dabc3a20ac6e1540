"""Which mistakes does LanguageTool find in texts? Asked through `language_tool_python`."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from balcap.errors import JudgeError, UserError
from balcap.heads.engines.languagetool_server import local_server

if TYPE_CHECKING:
    from language_tool_python import LanguageTool

English = Literal["en-US", "en-GB", "en-CA", "en-AU", "en-NZ", "en-ZA"]

# Those that LanguageTool defines itself, then those of its English rules.
CATEGORIES = (
    "CASING", "COLLOQUIALISMS", "COMPOUNDING", "CONFUSED_WORDS", "FALSE_FRIENDS",
    "GENDER_NEUTRALITY", "GRAMMAR", "MISC", "PLAIN_ENGLISH", "PUNCTUATION", "REDUNDANCY",
    "REGIONALISMS", "REPETITIONS", "REPETITIONS_STYLE", "SEMANTICS", "STYLE", "TYPOGRAPHY", "TYPOS",
    "WIKIPEDIA",
    "AMERICAN_ENGLISH", "AMERICAN_ENGLISH_STYLE", "BRE_STYLE_OXFORD_SPELLING", "BRITISH_ENGLISH",
    "COLLOCATIONS", "CREATIVE_WRITING", "MISUSED_TERMS_EU_PUBLICATIONS", "MULTITOKEN_SPELLING",
    "NONSTANDARD_PHRASES", "PROPER_NOUNS", "TEXT_ANALYSIS",
)  # fmt: skip

AT_ONCE = 8  # texts on their way; a server checks ten at once unless it is told otherwise
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second try; before the third twice as long
FIRST_SECONDS = 10.0  # for the first contact, which comes before any model is loaded
REMEMBERED = 16384  # texts
LOOPBACK = ("127.0.0.1", "localhost")

Found = tuple[str, ...] | JudgeError
"""The category of each mistake of a text, or why they are not known."""


def checker(server: str | None, language: English, timeout: float) -> Checker:
    """Return the instance that all heads of this process share for these settings."""
    with _shared_lock:
        return _shared(server, language, timeout)


_shared_lock = threading.Lock()  # the cache alone may build two for two threads at once


@cache
def _shared(server: str | None, language: English, timeout: float) -> Checker:
    return Checker(server, language, timeout)


class Checker:
    """Texts to the categories of their mistakes, each text once; may be called from threads.

    Args:
        server: address of a LanguageTool server; None for one of this machine's own, which is
            started where there is none, and again when it died.
        language: of the texts.
        timeout: seconds until a text must be checked, tries included.
    """

    def __init__(self, server: str | None, language: English, timeout: float) -> None:
        self._server = server
        self._language = language
        self._timeout = timeout
        self._tool: LanguageTool | None = None
        self._memo: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[Found]:
        """Return the category of each mistake of each text, such as `("GRAMMAR", "TYPOS")`.

        A text that could not be checked has its JudgeError. Once as many in a row as are asked at
        once have failed, the rest is not asked: a dead server costs one time-out, not hundreds.

        Raises:
            UserError: if the server was never reached: what to install, start or set.
        """
        found: dict[str, Found] = {}
        for text in texts:
            if (known := self._memo.get(text)) is not None:
                found[text] = known
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            self._connected()
            found |= _in_parallel(new, self._checked)
            self._remember(found)
        return [found[text] for text in texts]

    def _remember(self, found: dict[str, Found]) -> None:
        with self._lock:
            for text, categories in found.items():
                if not isinstance(categories, JudgeError):
                    self._memo[text] = categories
                    self._memo.move_to_end(text)
            while len(self._memo) > REMEMBERED:
                self._memo.popitem(last=False)

    def _checked(self, text: str) -> Found:
        """The categories of a text, after a few tries."""
        plain = text.encode("utf-8", "replace").decode("utf-8")  # no half surrogate pairs
        end = time.monotonic() + self._timeout
        for number in range(ATTEMPTS):
            tool = self._connected()
            try:
                return tuple(match.category for match in tool.check(plain))
            # the library lets through whatever a strange answer makes it stumble over
            except Exception as error:
                failure = JudgeError(f"LanguageTool at {tool.url} {_problem(error)}")
            pause = PAUSE * 2**number
            again = number + 1 < ATTEMPTS and time.monotonic() + pause < end
            if again:
                time.sleep(pause)
            try:
                self._mend(tool)  # after the last try too: other texts will come
            except UserError as error:
                return JudgeError(f"LanguageTool did not come back: {error}")
            if not again:
                break
        return failure

    def _connected(self) -> LanguageTool:
        with self._lock:
            if self._tool is None:
                self._tool = self._connect()
            return self._tool

    def _mend(self, broken: LanguageTool) -> None:
        """Have a server of this machine again; one elsewhere is others' to mend."""
        if self._server is None:
            with self._lock:
                if self._tool is broken:
                    self._tool = self._connect()

    def _connect(self) -> LanguageTool:
        _require_package()
        address = self._server or local_server()
        try:
            return _tool(address, self._language, self._timeout)
        except Exception as error:
            raise UserError(
                f"no LanguageTool server for {self._language} at {address}: it {_problem(error)}; "
                "start it, set --fluency.server to the address of one that runs, or leave that "
                "out for one that is started here"
            ) from error


def _require_package() -> None:
    if find_spec("language_tool_python") is None:
        raise UserError(
            "the engine languagetool needs language-tool-python, which comes apart from balcap "
            "because its licence is GPL-3.0: pip install 'balcap[languagetool]', or use "
            "--fluency.engine harper"
        )


def _in_parallel(texts: Sequence[str], check: Callable[[str], Found]) -> dict[str, Found]:
    """Check texts side by side, until too many in a row have failed."""
    failed: list[JudgeError] = []

    def outcome(text: str) -> Found:
        in_a_row = failed[:]  # another thread may clear it
        if len(in_a_row) >= AT_ONCE:
            return JudgeError(f"not asked after {len(in_a_row)} failures, the last: {in_a_row[-1]}")
        found = check(text)
        if isinstance(found, JudgeError):
            failed.append(found)
        else:
            failed.clear()
        return found

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="languagetool") as threads:
        return dict(zip(texts, threads.map(outcome, texts), strict=True))


def _tool(address: str, language: str, timeout: float) -> LanguageTool:
    """The library's client. Asks the server for its languages, so it must answer."""
    from language_tool_python import LanguageTool

    class Tool(LanguageTool):
        _TIMEOUT = FIRST_SECONDS  # type: ignore[assignment]  # the library's own are 300 seconds

    tool = Tool(
        language,
        remote_server=address.rstrip("/").removesuffix("/v2") + "/",
        host=LOOPBACK[0],  # not used, but otherwise looked up
        # `requests` would send even these to a proxy that the environment names
        proxies={"no_proxy": ",".join(LOOPBACK)}
        if urlsplit(address).hostname in LOOPBACK
        else None,
    )
    tool._TIMEOUT = timeout / 2  # it tries everything twice
    return tool


def _problem(error: Exception) -> str:
    """What a server did, from what the library made of it."""
    cause = error.__cause__
    if isinstance(cause, ValueError):  # no JSON; the library's message is the answer
        return f"answered {_first_line(error)!r}"
    if "Timeout" in type(cause).__name__:
        return "timed out"
    if isinstance(cause, OSError):
        return f"does not answer ({type(cause).__name__})"
    return f"gave no usable answer ({type(error).__name__}: {_first_line(error)})"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:100]
