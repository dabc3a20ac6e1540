"""The Tab key in bash offers what the parser takes, and the other shells get the same words."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from balcap.cli import COMMANDS, main
from balcap.cli.parser import all_options

BASH, FISH = shutil.which("bash"), shutil.which("fish")


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", "bash"]) == 0
    file = tmp_path / "balcap.bash"
    file.write_text(capsys.readouterr().out)
    return file


def offered(script: Path, *typed: str) -> set[str]:
    """What bash offers for the last word, by the function that `complete` names."""
    words = shlex.join(["balcap", *typed])
    code = f"source {shlex.quote(str(script))}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; "
    code += 'function=$(complete -p balcap | sed "s/.*-F //; s/ .*//"); $function; '
    code += 'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run([BASH or "", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.skipif(BASH is None, reason="no bash here")
def test_bash_offers_commands_settings_and_values(script: Path) -> None:
    assert offered(script, "") == {name.split()[0] for name in COMMANDS}
    assert offered(script, "exp") == {"export"}
    assert {"captionqa", "compare"} <= offered(script, "eval", "c")
    assert offered(script, "runs", "sh") == {"show"}
    assert offered(script, "train", "--lora.ra") == {"--lora.rank"}
    assert offered(script, "train", "--gate", "ze") == {"zero"}
    assert offered(script, "train", "--rewards", "q") == {"qa"}
    assert offered(script, "train", "--rollout.engine", "") == {
        "hf", "vllm-colocate", "vllm-server"
    }  # fmt: skip
    assert offered(script, "train", "--steps", "") == set()  # a number: nothing to offer
    assert "--captions" in offered(script, "runs", "show", "--")
    assert offered(script, "completion", "") == set()


@pytest.mark.skipif(FISH is None, reason="no fish here")
@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("balcap ex", "export"),
        ("balcap runs sh", "show"),
        ("balcap train --lora.ra", "--lora.rank"),
        ("balcap train --gate ze", "zero"),
        ("balcap train --lora.rank 4 --norm", "--normalizer"),
    ],
)
def test_fish_offers_the_same(
    typed: str, offers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "fish"]) == 0
    file = tmp_path / "balcap.fish"
    file.write_text(capsys.readouterr().out)
    code = f"source {file}; complete -C {shlex.quote(typed)}"
    done = subprocess.run([FISH or "", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.split("\t")[0], done.stderr) == (offers, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_setting_of_every_command_is_in_the_script(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS.values():
        for option in all_options(command, ()).values():
            assert (f"-l {option.flag[2:]}" if shell == "fish" else option.flag) in script


def test_another_shell_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "one of bash, zsh, fish" in capsys.readouterr().err
