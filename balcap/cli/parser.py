"""Words of a command line and files of settings -> checked settings and heads.

What is given later wins: the defaults, then each `--config` file in order, then the options. Which
options there are depends on the heads that `rewards` and `eval_rewards` select, so these are looked
up first, in a pass of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from balcap.advantage.rule import methods_of
from balcap.cli import files, line, methods
from balcap.cli.judges import backend_options, check_judges, without_unread
from balcap.cli.options import Option, build, groups_of, options_of, options_of_part, summary
from balcap.cli.trl_fields import check_trl_field
from balcap.cli.values import convert
from balcap.config import gated_heads
from balcap.config.command import Command
from balcap.errors import UserError, did_you_mean
from balcap.heads import Choice, Selected, choose, installed


@dataclass(frozen=True)
class Parsed:
    """What a command line asks for.

    Attributes:
        settings: an instance of the command's settings.
        heads: the heads, where the command has any.
        print_config: print the settings instead of running.
    """

    settings: Any
    heads: Selected | None
    print_config: bool

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the command's function is called with."""
        return (self.settings,) if self.heads is None else (self.settings, self.heads)


def parse(
    command: Command, arguments: Sequence[str], keywords: Mapping[str, Any] | None = None
) -> Parsed:
    """Read a command line. Raises UserError for whatever the user can mend.

    Args:
        command: whose settings they are.
        arguments: the words after its name.
        keywords: settings given in Python, as a settings file would hold them; they win over those
            files.
    """
    words = line.scan(arguments)
    sources = _sources(command, words)
    if keywords:
        sources.append((f"balcap.{command.name}: ", dict(keywords)))
    choice = _choice(command, words, sources)
    chosen = _methods(command, words, sources)
    options = _options(command, choice, chosen, words, sources)
    given = line.assign(words, options)
    print_config = "print_config" in given
    given = {name: given[name] for name in given if name not in ("config", "print_config")}
    if "resume" in given:
        _check_resume(given, words)
    values: dict[str, Any] = {}
    for source, content in [*sources, ("", given)]:
        values |= _checked(command, options, source, methods.without_replaced(content, set(chosen)))
    if "resume" in values:
        values = without_unread(values) | {"run": values["resume"]}
    if trl := {name[4:]: values[name] for name in values if name.startswith("trl.")}:
        values["trl"] = trl
    if command.has("weights"):
        values["weights"] = methods.take_weights(values)
    if command.has("methods"):
        values["methods"] = methods.take_methods(values, set(chosen))
    settings = build(command.settings, values)
    judge = getattr(settings, "judge", None)
    heads = choice.build(_configs(choice, values), judge) if choice else None
    if choice is None:
        check_judges(settings)
    if heads and command.has("gate_heads"):
        gated_heads(settings.gate_heads, heads.weights)
        methods_of(settings)
    return Parsed(settings, heads, print_config)


def all_options(command: Command, arguments: Sequence[str]) -> dict[str, Option]:
    """Return the options of a command with those of the heads that are selected, for its help."""
    try:
        words = line.scan(arguments)
        sources = _sources(command, words)
        choice, chosen = _choice(command, words, sources), _methods(command, words, sources)
        return _options(command, choice, chosen, words, sources)
    except UserError:  # the help must come up even where what was typed beside it is wrong
        return _options(command, None, {}, [], [])


Sources = list[tuple[str, dict[str, Any]]]


def _sources(command: Command, words: Sequence[line.Word]) -> Sources:
    """The settings files, each with its name for errors, in the order in which they count."""
    names = line.values_of(words, "config")
    if command.has("resume"):
        for run in line.values_of(words, "resume")[-1:]:
            names.append(str(_settings_of_run(run)))
    sources = [
        (f"{name}: ", files.by_todays_names(files.read(Path(name)), command.has)) for name in names
    ]
    for source, content in sources:
        if "resume" in content:
            raise UserError(f"{source}resume cannot be set in a file; write --resume RUN")
    return sources


def _settings_of_run(run: str) -> Path:
    file = Path(run) / "config.yaml"
    if not file.is_file():
        raise UserError(
            f"no run to resume in {run!r}: there is no {file}; give the folder of a run of balcap "
            "train"
        )
    return file


def _choice(command: Command, words: Sequence[line.Word], sources: Sources) -> Choice | None:
    if not command.has("rewards"):
        return None
    names = [name for name in ("rewards", "eval_rewards") if command.has(name)]
    texts = {name: _text_of(command, words, sources, name) or "" for name in names}
    return choose(**texts, weights=_weights(words, sources))


def _methods(command: Command, words: Sequence[line.Word], sources: Sources) -> dict[str, type]:
    """The classes of normaliser and gate by their names, where the command has them."""
    if not command.has("methods"):
        return {}
    found: dict[str, type] = {}
    for setting in methods.KINDS:
        for cls in methods.selected(setting, _text_of(command, words, sources, setting)):
            name: str = cls.name  # type: ignore[attr-defined]
            if name in found:
                raise UserError(f"normalizer and gate are both called {name!r}; rename one")
            found[name] = cls
    return found


def _text_of(
    command: Command, words: Sequence[line.Word], sources: Sources, name: str
) -> str | None:
    """What one setting will be, looked up before it is known which settings there are."""
    values: list[Any] = [item.default for item in fields(command.settings) if item.name == name]
    for source, content in sources:
        flat = files.flat(content, groups_of([name]))
        if name in flat:
            values.append(convert(flat[name], str | None, source + name))
    values += line.values_of(words, name)
    text: str | None = values[-1] if values else None
    return text


def _weights(words: Sequence[line.Word], sources: Sources) -> dict[str, float]:
    given: dict[str, Any] = {}
    for word in words:
        if word.name == "weights" or word.name.startswith("weights."):
            given[word.name] = word.value
    found: dict[str, float] = {}
    for source, content in [*sources, ("", given)]:
        flat = files.flat(methods.spelled_out(files.flat(content, set())), {"weights"})
        for name, value in flat.items():
            if name.startswith("weights."):
                shown = f"{source}{name}" if source else f"--{name}"
                found[name[8:]] = convert(value, float, shown)
    return found


def _options(
    command: Command,
    choice: Choice | None,
    chosen: dict[str, type],
    words: Sequence[line.Word],
    sources: Sources,
) -> dict[str, Option]:
    options = {option.name: option for option in options_of(command.settings)}
    taken = {name.partition(".")[0] for name in options} | {"config", "print_config"}
    for name, cls in chosen.items():
        if name in taken:
            raise UserError(
                f"no normalizer or gate can be called {name!r}: a setting is; rename it"
            )
        for option in options_of_part(f"the normalizer or gate {name!r}", cls, f"{name}."):
            options[option.name] = replace(option, group=f"{name}: {summary(cls)}")
    taken |= set(chosen)
    for head in choice.evaluated if choice else ():
        if head.name in taken:
            raise UserError(
                f"a reward head cannot be called {head.name!r}: a setting is, or the normaliser or "
                "gate; rename it"
            )
        title = f"Reward head {head.name}: {summary(head)}".rstrip(": ")
        what = f"the reward head {head.name!r}"
        for option in options_of_part(what, head.Config, f"{head.name}."):
            options[option.name] = replace(option, group=title)
    own = backend_options(options, lambda name: _text_of(command, words, sources, name))
    return options | {option.name: option for option in own}


def _check_resume(given: dict[str, Any], words: Sequence[line.Word]) -> None:
    """A judge may come back at another address; nothing else of a run changes."""
    beside = [
        f"--{name.replace('_', '-')}"
        for name in given
        if name != "resume" and not f".{name}".endswith(".judge.url")
    ]
    beside += ["--config"] if line.values_of(words, "config") else []
    if beside:
        raise UserError(
            f"--resume continues a run with that run's settings (of which only --judge.url may "
            f"change); leave out {', '.join(beside)}, or start a new run from its policy: "
            f"--policy {given['resume']}"
        )


def _checked(
    command: Command, options: dict[str, Option], source: str, content: dict[str, Any]
) -> dict[str, Any]:
    """The values of one source, by dotted name, each of its setting's type."""
    groups = groups_of(options) | ({"trl"} if command.trl_config else set())
    values = {}
    if command.has("weights"):
        if command.has("only") and isinstance(content.get("weights"), str):
            raise UserError(
                f"weights is {content['weights']!r}; write --only {content['weights']} to leave "
                "all other heads out, or --weights.HEAD X to change one weight"
            )
        groups, content = groups | {"weights"}, methods.spelled_out(content)
    for name, value in files.flat(content, groups).items():
        kind: Any
        shown = f"{source}{name}" if source else "--" + name.replace("_", "-")
        if name.startswith("trl.") and command.trl_config:
            check_trl_field(command.trl_config, name[4:])
            kind = Any
        elif name.startswith("weights.") and command.has("weights"):
            kind = float
        elif name in options and name not in ("trl", "weights"):
            kind = options[name].kind
        else:
            raise _unknown(source, name, options)
        if value is None and not source:
            raise line.needs_value(name)
        values[name] = convert(value, kind, shown, is_text=not source)
    return values


def _unknown(source: str, name: str, options: dict[str, Option]) -> UserError:
    shown = f"{source}{name}" if source else "--" + name.replace("_", "-")
    head = name.partition(".")[0]
    if name == "trl":
        return UserError(
            f"{shown} is written --trl.FIELD VALUE, or as lines under `trl:` in a file"
        )
    inside = [option for option in options if option.startswith(f"{name}.")]
    if inside:
        listed = inside if source else [options[option].flag for option in inside]
        return UserError(f"{shown} is a group of settings: {', '.join(listed)}")
    if head in installed() and not any(option.startswith(f"{head}.") for option in options):
        return UserError(
            f"{shown} is for the reward head {head!r}, which is not selected; "
            "add it to rewards or eval_rewards"
        )
    if error := methods.not_selected(shown, name):
        return error
    if source:
        return UserError(f"{source}no setting {name!r}{did_you_mean(name, options)}; see --help")
    if (today := files.RENAMED.get(name)) in options:
        return UserError(f"{shown} is now called {options[today].flag}")
    flags = [option.flag for option in options.values()] + ["--config", "--print-config"]
    return UserError(f"no option {shown}{did_you_mean(shown, flags)}; see --help")


def _configs(choice: Choice, values: dict[str, Any]) -> dict[str, Any]:
    configs = {}
    for head in choice.evaluated:
        try:
            configs[head.name] = build(head.Config, values, f"{head.name}.")
        except (UserError, ValueError, TypeError) as error:
            raise UserError(f"the reward head {head.name!r}: {error}") from error
    return configs
