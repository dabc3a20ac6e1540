"""Finding a policy, and saying no to what is none."""

import json
from pathlib import Path

import pytest

from balcap.errors import UserError
from balcap.policies.families import LLAVA, QWEN
from balcap.policies.location import locate


def test_the_embedded_policies_are_of_both_families() -> None:
    assert locate("tiny-qwen2.5-vl").family is QWEN
    assert locate("tiny-llava-1.5").family is LLAVA


def test_another_family_gets_an_error_that_names_the_two(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "idefics3"}))
    with pytest.raises(UserError, match=r"'idefics3'.*Qwen2\.5-VL.*LLaVA-1\.5"):
        locate(str(tmp_path))


def test_a_folder_without_a_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        locate(str(tmp_path))


@pytest.mark.parametrize("policy", ["./nowhere", "tiny-qwen", "/no/such/folder"])
def test_a_folder_that_is_not_there_is_named(policy: str) -> None:
    with pytest.raises(UserError, match=r"tiny-qwen2\.5-vl"):
        locate(policy)


def test_an_adapter_folder_leads_to_its_base(tmp_path: Path) -> None:
    content = {"base_model_name_or_path": "tiny-llava-1.5"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(content))
    found = locate(str(tmp_path))
    assert found.family is LLAVA
    assert found.adapter == tmp_path


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("policy: tiny-llava-1.5\n")
    with pytest.raises(UserError, match="no checkpoint"):
        locate(str(tmp_path))
