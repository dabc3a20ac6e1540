"""Which option is to be changed where whom a head asks does not answer?"""

from pathlib import Path

import pytest

from balcap.config import DataSettings, JudgeSettings
from balcap.data import shapes
from balcap.errors import UserError
from balcap.judges.factory import given_for, open_judge
from balcap.training.preflight import smoke_test
from balcap_rewards.fluency import Fluency, FluencyConfig
from balcap_rewards.precision import Precision, PrecisionConfig
from helpers.languagetool_server import FakeLanguageTool

OFF = Path("off")


def endpoint(**settings) -> JudgeSettings:
    return JudgeSettings.of(
        backend="endpoint", url=("http://a/v1",), model="m", cache=OFF, **settings
    )


@pytest.mark.parametrize(
    ("own", "general", "option"),
    [
        (JudgeSettings(), endpoint(), "--judge.url"),
        (JudgeSettings.of(url=("http://b/v1",)), endpoint(), "--precision.judge.url"),
        (JudgeSettings.of(model="n"), endpoint(), "--judge.url"),  # of the same server
        (JudgeSettings.of(backend="local", model="n"), endpoint(), "--precision.judge.model"),
        (JudgeSettings(), JudgeSettings.of(backend="local", model="n", cache=OFF), "--judge.model"),
    ],
)
def test_a_head_knows_the_option_that_names_its_judge(own, general, option):
    head = Precision(
        PrecisionConfig(judge=own),
        open_judge(given_for(own, general, "precision.judge"), "precision"),
    )
    assert head.server_option == option


def test_fluency_names_the_server_of_its_engine():
    assert Fluency(FluencyConfig(engine="languagetool")).server_option == "--fluency.server"
    judged = Fluency(FluencyConfig(engine="llm"), open_judge(endpoint(), "fluency"))
    assert judged.server_option == "--judge.url"


def test_a_languagetool_that_refuses_texts_is_mended_by_its_own_option(monkeypatch):
    monkeypatch.setattr("balcap.heads.engines.languagetool.PAUSE", 0.0)
    samples, _ = shapes.load(DataSettings())
    with FakeLanguageTool() as server:
        server.fault_of = {sample.reference: "text" for sample in samples[:4]}
        head = Fluency(FluencyConfig(engine="languagetool", server=server.url))
        with pytest.raises(UserError, match=r"; start it, or change --fluency\.server$"):
            smoke_test([head], samples)
