"""Keys, addresses and load."""

import logging
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import web

from balcap.config import JudgeSettings
from balcap.errors import JudgeError, UserError
from balcap.judges.endpoint.backend import Endpoint
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.server import Server
from balcap.judges.endpoint.servers import Servers
from balcap.judges.identity import identity_of
from balcap.judges.images import MAX_PIXELS
from balcap.judges.types import JudgeRequest, JudgeResponse
from helpers.endpoint import Handler, all_good, endpoint, failing, request
from helpers.judge_server import CHAT, MODELS, served

SECRET = "sk-this-must-not-be-seen"
ASKS = [JudgeRequest.of(f"question {i}") for i in range(40)]


# --- keys


def test_the_key_comes_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    with served(str, key=SECRET) as server:
        assert all_good(request(endpoint(server.url, key="JUDGE_KEY"), ASKS[:2]))


def test_the_key_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log at its most talkative, nor in an error where the server repeats it."""
    monkeypatch.setenv("JUDGE_KEY", SECRET)

    async def telltale(request: web.Request, handler: Handler) -> web.StreamResponse:
        said = {"error": {"message": f"key {SECRET} of {request.headers['Authorization']}"}}
        status = 400 if "first" in await request.text() else 500
        return web.json_response(said, status=status)

    middleware = failing(telltale, lambda _, body: "question" not in body)
    with caplog.at_level(logging.DEBUG), served(str, middlewares=[middleware]) as server:
        judge = endpoint(server.url, key="JUDGE_KEY", requests="chat")
        outcomes = request(judge, [JudgeRequest.of("first"), JudgeRequest.of("second"), ASKS[0]])
    assert "key *** of Bearer ***" in str(outcomes[0])
    assert "key *** of Bearer ***" in str(outcomes[1])
    seen = [repr(judge), repr(vars(judge)), judge.name, str(judge.identity), *map(repr, outcomes)]
    seen += [repr(vars(record)) + record.getMessage() for record in caplog.records]
    assert caplog.records
    assert not any(SECRET in text for text in seen)


def test_a_refused_key_is_the_users_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    with served(str, key="another") as server:
        with pytest.raises(UserError, match=r"HTTP 401.*variable JUDGE_KEY; correct it") as error:
            request(endpoint(server.url, key="JUDGE_KEY"), ASKS[:2])
        assert SECRET not in str(error.value)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        with pytest.raises(UserError, match=r"no key was sent.*OPENAI_API_KEY is not set"):
            request(endpoint(server.url), ASKS[:2])


def test_what_is_forbidden_later_is_about_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 403 to a key that has worked: some hosts forbid what their moderation does not like."""

    async def forbid(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.json_response({"error": {"message": "flagged"}}, status=403)

    with served(str, middlewares=[failing(forbid, lambda number, _: number == 1)]) as server:
        judge = endpoint(server.url, requests="chat", concurrency=1)
        outcomes = request(judge, ASKS[:3])
    assert [isinstance(outcome, JudgeResponse) for outcome in outcomes] == [True, False, True]
    assert str(outcomes[1]) == "refused by the server (HTTP 403): flagged"


# --- what the user must mend


def test_what_is_missing_is_said_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    url = ("http://127.0.0.1:8000/v1",)
    wrong = [
        (JudgeSettings.of(backend="endpoint", model="m"), r"qa: .*judge\.url"),
        (JudgeSettings.of(backend="endpoint", url=url), r"qa asks .* no model is set"),
        (
            JudgeSettings.of(backend="endpoint", url=url, model="m", key="NO_SUCH_KEY"),
            "NO_SUCH_KEY",
        ),
    ]
    for settings, message in wrong:
        with pytest.raises(UserError, match=message):
            Endpoint.check(settings, "qa")
        with pytest.raises(UserError):
            Endpoint.of(settings)


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with (
        served(str, model="reader-7b") as server,
        pytest.raises(UserError, match=r"no model 'reader'; it has reader-7b \(did you mean"),
    ):
        request(endpoint(server.url, model="reader", requests="chat"), ASKS)


def test_an_address_without_v1_is_told() -> None:
    with (
        served(str) as server,
        pytest.raises(UserError, match=r"has no /chat/completions.*up to and with /v1"),
    ):
        request(endpoint(server.url + "/v2"), ASKS)


def test_a_model_that_is_gone_after_it_has_answered_may_come_back() -> None:
    """A server that is started anew, with its model still to load."""
    with served(str) as server:
        judge = endpoint(server.url, requests="chat", concurrency=1)
        assert all_good(request(judge, ASKS[:1]))
    with served(str, model="another", port=server.port):
        [outcome] = request(judge, ASKS[:1])
    assert isinstance(outcome, JudgeError)
    assert "does not exist. (3 tries)" in str(outcome)


def test_defaults_are_those_that_are_documented() -> None:
    """As the help shows them, and as `JudgeSettings` says of the pixels."""
    config = EndpointSettings(url=("http://a/v1",))
    assert (config.concurrency, config.connect_timeout, config.timeout) == (None, 10.0, 120.0)
    assert (config.retries, config.requests) == (4, "auto")
    assert identity_of("m", JudgeSettings())["max_pixels"] == 1003520
    assert (config.requests_per_minute, config.tokens_per_minute) == (None, None)
    assert config.variable == "OPENAI_API_KEY"


def test_where_a_judge_is_asked_is_no_part_of_its_identity() -> None:
    one, other = endpoint("http://a/v1"), endpoint("http://b/v1", "http://c/v1")
    assert one.identity == other.identity == {"model": "scripted", "max_pixels": MAX_PIXELS}


# --- load


def test_a_judge_is_called_by_its_model_and_address() -> None:
    judge = endpoint("http://a/v1", "http://b/v1", "http://c/v1")
    assert judge.name == "scripted at http://a/v1 and 2 more"


def test_the_load_is_spread() -> None:
    """Two servers, each request 0.02 s, 8 at once: each has about half of the 40."""
    with ExitStack() as stack:
        servers = [stack.enter_context(served(str, latency=0.02)) for _ in range(2)]
        judge = endpoint(*(s.url for s in servers), requests="chat", concurrency=8)
        assert all_good(request(judge, ASKS))
        counts = [server.requests.count(CHAT) for server in servers]
    assert sum(counts) == 40
    assert min(counts) >= 10


def test_a_dead_server_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with served(str) as dead:
        pass
    with served(str) as alive:
        judge = endpoint(dead.url, alive.url, requests="chat", concurrency=4, backoff=5.0)
        begun = time.monotonic()
        assert all_good(request(judge, ASKS))
        assert time.monotonic() - begun < 4  # none of the first back-offs of 2.5 s and more
    left_out = [r for r in caplog.records if "left out" in r.getMessage()]
    assert [record.getMessage() for record in left_out] == [
        f"judge: {dead.url} does not answer and is left out"
    ]


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def two_servers(clock: Clock) -> tuple[Servers, Server, Server]:
    config = EndpointSettings(url=("http://a/v1", "http://b/v1"))
    a, b = (Server(url, "m", config) for url in config.url)
    return Servers([a, b], pause=1.0, clock=clock), a, b


def test_the_one_with_the_fewest_on_their_way_is_next(clock: Clock) -> None:
    servers, a, b = two_servers(clock)
    assert [servers.take() for _ in range(4)] == [a, b, a, b]
    b.in_flight = 0
    assert [servers.take() for _ in range(2)] == [b, b]


def test_a_lost_one_is_tried_again_by_a_single_request(clock: Clock) -> None:
    servers, a, b = two_servers(clock)
    assert servers.take() is a
    assert servers.lost(a, since=100.0)
    a.in_flight = 0
    assert {servers.take() for _ in range(5)} == {b}
    clock.now = 101.1  # out for 1 s
    assert [servers.take() for _ in range(3)] == [a, b, b]
    servers.lost(a, since=101.1)
    a.in_flight = 0
    clock.now = 102.5  # now for 2 s
    assert servers.take() is b
    clock.now = 103.2
    assert servers.take() is a
    servers.answered(a)
    a.in_flight = 0
    assert [servers.take() for _ in range(3)] == [a, a, a]


def test_many_lost_at_once_count_as_one_loss(clock: Clock) -> None:
    servers, a, _ = two_servers(clock)
    clock.now = 100.5
    for _ in range(20):
        servers.lost(a, since=100.0)
    assert a.losses == 1


def test_where_all_are_lost_they_are_asked_all_the_same(clock: Clock) -> None:
    servers, a, b = two_servers(clock)
    assert servers.lost(a, since=100.0)
    assert not servers.lost(b, since=100.0)
    assert servers.take() in (a, b)


def test_models_are_only_asked_for_where_one_is_missing() -> None:
    with served(str) as server:
        request(endpoint(server.url), ASKS)
        assert server.requests.count(MODELS) == 0


# --- the way there


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        for variable in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(
    variable: str, no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is at the judge's address; the proxy's server answers in its place."""
    with served(str) as proxy:
        monkeypatch.setenv(variable, proxy.url.removesuffix("/v1"))
        outcomes = request(endpoint("http://judge.invalid/v1", requests="chat"), ASKS[:1])
        assert all_good(outcomes)
        assert len(proxy.requests.bodies(CHAT)) == 1


def test_what_needs_no_proxy_has_none(no_proxies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with served(str) as server:
        assert all_good(request(endpoint(server.url, requests="chat"), ASKS[:1]))


def test_a_proxys_password_reaches_it_and_nobody_else(
    no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str | None] = []

    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        said.append(request.headers.get("Proxy-Authorization"))
        return await handler(request)

    with served(str, middlewares=[failing(note, lambda *_: True)]) as proxy:
        address = proxy.url.removesuffix("/v1").removeprefix("http://")
        monkeypatch.setenv("http_proxy", f"http://me:secret@{address}")
        assert all_good(request(endpoint("http://judge.invalid/v1", requests="chat"), ASKS[:1]))
    assert said == ["Basic bWU6c2VjcmV0"]  # base64 of me:secret
    [outcome] = request(endpoint("http://judge.invalid/v1", retries=0), ASKS[:1])
    assert "no connection" in str(outcome)
    assert "secret" not in str(outcome)


def test_a_proxy_that_cannot_be_used_is_told_before_anything_is_loaded(
    no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://me:secret@proxy.example:1080")
    settings = JudgeSettings.of(backend="endpoint", url=("http://judge.invalid/v1",), model="m")
    with pytest.raises(UserError, match=r"a socks5 proxy at 'proxy\.example' .*no_proxy=") as told:
        Endpoint.check(settings, "qa")
    assert "secret" not in str(told.value)


def test_a_password_of_netrc_does_not_stand_in_the_way_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login anonymous password x\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    with served(str, key=SECRET) as server:
        assert all_good(request(endpoint(server.url, key="JUDGE_KEY"), ASKS[:2]))


def test_a_server_that_speaks_no_tls_is_told() -> None:
    with served(str) as server:
        [outcome] = request(endpoint(server.url.replace("http:", "https:"), retries=0), ASKS[:1])
    assert isinstance(outcome, JudgeError)
    assert "no connection (Cannot connect to host 127.0.0.1" in str(outcome)
    assert "ssl" in str(outcome).casefold()
