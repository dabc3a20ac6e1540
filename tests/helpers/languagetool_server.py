"""A server that speaks LanguageTool's protocol, knows four mistakes, and can fail as servers do.

As a script, `languagetool_server.py ... PORT`, it stands in for LanguageTool's jar.
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

MISTAKES = {r"\bis is\b": "GRAMMAR", r"\bteh\b": "TYPOS", r" ,": "TYPOGRAPHY",
            r"\bcolour\b": "BRITISH_ENGLISH"}  # fmt: skip
LANGUAGES = [{"name": "English (US)", "code": "en", "longCode": "en-US"}]


def matches(text):
    """The mistakes of a text, in the form of LanguageTool's API."""
    return [
        {
            "message": "A mistake.",
            "replacements": [{"value": "better"}],
            "offset": found.start(),
            "length": len(found[0]),
            "context": {"text": text, "offset": found.start(), "length": len(found[0])},
            "sentence": text,
            "rule": {"id": "RULE", "issueType": "grammar", "category": {"id": category}},
        }
        for pattern, category in MISTAKES.items()
        for found in re.finditer(pattern, text)
    ]


class FakeLanguageTool:
    """A server on loopback.

    Attributes:
        checks: texts that it was asked to check, tries included, in the order of arrival.
        faults: what goes wrong with the next checks, one each: `500`, `json` (an answer without
            matches), `text` (no JSON), `cut` (half an answer), `drop` (none at all).
        fault_of: what goes wrong with a text, every time.
        hanging: while set, no check is answered.
    """

    def __init__(self, port=0):
        self.checks, self.faults, self.fault_of = [], [], {}
        self.hanging, self._released = False, threading.Event()
        self._http = self._bound(port)
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._http = self._http or self._bound(self.port)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self._released.set()
        if self._http:
            self._http.shutdown()
            self._http.server_close()
        self._http = None

    def wait(self):
        self._released.wait(5)

    def _bound(self, port):
        server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        server.daemon_threads, server.block_on_close, server.owner = True, False, self
        return server


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/v2/healthcheck":
            self._say(200, b"OK")
        elif self.path == "/v2/languages":
            self._say(200, json.dumps(LANGUAGES).encode())
        else:
            self._say(404, b"Error: not found")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: value[0] for name, value in parse_qs(body, keep_blank_values=True).items()}
        owner, text = self.server.owner, asked["text"]
        assert (self.path, asked["language"]) == ("/v2/check", "en-US")
        owner.checks.append(text)
        if owner.hanging:
            return owner.wait()
        answer = json.dumps({"matches": matches(text)}).encode()
        fault = owner.faults.pop(0) if owner.faults else owner.fault_of.get(text)
        if fault == "500":
            self._say(500, b"Error: Internal Error: out of memory")
        elif fault == "json":
            self._say(502, b'{"error": "bad gateway"}')
        elif fault == "text":
            self._say(200, b"<html>welcome</html>")
        elif fault == "cut":
            self._say(200, answer[: len(answer) // 2], length=len(answer))
        elif fault != "drop":
            self._say(200, answer)

    def _say(self, status, body, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with FakeLanguageTool(int(sys.argv[-1])):
        threading.Event().wait()
