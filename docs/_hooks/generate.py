"""What do the pages say that the code knows? Fills in `{{ WHAT NAME }}` and makes missing pages.

A page may hold, on a line of its own, `{{ command train }}`, `{{ include CHANGELOG.md }}` or any
other of `_FILLERS`. A command, normaliser, gate or protocol that has no page yet gets one that
holds its filler alone, so that what is added to the code is on the site without a line here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from balcap.advantage.gates import find_gate
from balcap.advantage.normalizers import find_normalizer
from balcap.cli import COMMANDS
from balcap.cli.help import label
from balcap.cli.judges import backend_options
from balcap.cli.options import Option, options_of, summary
from balcap.config.methods import GATES, NORMALIZERS
from balcap.evaluation import protocol
from balcap.heads import find, installed

ROOT = Path(__file__).parents[2]
_SECTION = re.compile(r"\n\n(?:Args|Attributes|Raises|Returns):\n")
_FILLER = re.compile(r"^\{\{ (\w+) ?(.*?) \}\}$", re.MULTILINE)


def command(name: str) -> str:
    """A command's examples and settings, as in its help."""
    chosen = COMMANDS[name]
    lines = [f"{chosen.summary}.", "", "```sh", chosen.examples.strip(), "```"]
    known = {option.name: option for option in options_of(chosen.settings)}
    options = [*known.values(), *backend_options(known, lambda name: None)]
    for group in dict.fromkeys(option.group for option in options):
        lines += ["", f"## {group}", "", *_table(o for o in options if o.group == group)]
    return "\n".join(lines)


def heads(_: str) -> str:
    """The heads that travel with balcap, with their settings."""
    lines = []
    for name in installed():
        head = find(name)
        low, high = head.range
        needs = ", ".join(f"`{field}`" for field in sorted(head().requires)) or "only the caption"
        lines += ["", f"## {name}", "", f"{summary(head)}. Scores from {low:g} to {high:g}; "
                  f"needs {needs}.", "", *_table(options_of(head.Config, f"{name}."))]  # fmt: skip
    return "\n".join(lines)


def normalizer(name: str) -> str:
    """A normaliser's formula and docstring, and its settings with their defaults."""
    return _method(find_normalizer(name))


def gate(name: str) -> str:
    """A gate's docstring, and its settings with their defaults."""
    return _method(find_gate(name))


def _method(method: Any) -> str:
    options = list(options_of(method, f"{method.name}."))
    settings = _table(options) if options else ["It has no settings of its own."]
    return "\n".join([_prose(method), "", "## Settings", "", *settings])


def protocols(name: str) -> str:
    """A protocol's first docstring, which says how it scores, and how it is called."""
    module = import_module(f"balcap.evaluation.protocols.{name}.protocol")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, protocol.EvalProtocol)
        and value.__module__ == module.__name__
    ]
    lines = [_prose(module), "", "## Command", "", "```sh"]
    lines += [COMMANDS[f"eval {name}"].examples.strip(), "```", ""]
    lines += [f"Settings: [balcap eval {name}](../reference/commands/eval-{name}.md)."]
    for each in found:
        judge = f"`{each.own_judge}`" if each.own_judge else "none named"
        lines += ["", f"The score: {each.metric}. The protocol's own judge: {judge}."]
    return "\n".join(lines)


def include(path: str) -> str:
    """A Markdown file of the repository; its links outside the site become plain text."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.sub(r"!?\[([^\]]*)\]\((?!http|#)[^)]*\)", r"\1", text)


def docstring(path: str) -> str:
    """The docstring of a module, or of `module:Class.method`."""
    return _prose(_found(path))


def values(path: str) -> str:
    """The texts of a constant, `module:NAME`."""
    return ", ".join(f"`{value}`" for value in _found(path))


_FILLERS = {
    each.__name__: each
    for each in (command, heads, normalizer, gate, protocols, include, docstring, values)
}
_PAGES = {  # folder -> filler, and the names of what has a page there
    "reference/commands/": ("command", list(COMMANDS)),
    "methods/normalizers/": ("normalizer", list(NORMALIZERS)),
    "methods/gates/": ("gate", list(GATES)),
    "protocols/": (
        "protocols",
        [name[5:] for name in COMMANDS if f".protocols.{name[5:]}." in COMMANDS[name].function],
    ),
}


def on_config(config: Any) -> Any:
    """Fill the folders of the navigation."""
    config.nav = _filled(config.nav)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page for what has none."""
    for folder, (filler, names) in _PAGES.items():
        for name in names:
            path = folder + _file(name)
            if files.get_file_from_path(path) is None:
                title = f"balcap {name}" if filler == "command" else name
                text = f"# {title}\n\n{{{{ {filler} {name} }}}}\n"
                files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what the code knows."""
    return _FILLER.sub(lambda found: _FILLERS[found[1]](found[2]), markdown)


def _found(path: str) -> Any:
    """What `module` or `module:Class.method` names."""
    module, _, name = path.partition(":")
    return attrgetter(name)(import_module(module)) if name else import_module(module)


def _filled(item: Any) -> Any:
    """The navigation, each folder in it replaced by its pages."""
    if isinstance(item, str) and item in _PAGES:
        return [{name: item + _file(name)} for name in _PAGES[item][1]]
    if isinstance(item, dict):
        return {title: _filled(below) for title, below in item.items()}
    if isinstance(item, list):
        pages: list[Any] = []
        for below in item:
            filled = _filled(below)
            pages += filled if isinstance(filled, list) else [filled]
        return pages
    return item


def _file(name: str) -> str:
    return name.replace(" ", "-") + ".md"


def _table(options: Iterable[Option]) -> list[str]:
    rows = [f"| `{label(option)}` | {option.help} |" for option in options]
    return ["| setting | meaning |", "|---|---|", *rows] if rows else ["No settings."]


def _prose(documented: object) -> str:
    """A docstring as Markdown, without its lists of arguments; a formula at its head as code."""
    text = _SECTION.split(inspect.cleandoc(documented.__doc__ or ""))[0]
    first, _, rest = text.partition("\n\n")
    return f"```text\n{first}\n```\n\n{rest}" if " = " in first else f"{first}\n\n{rest}"
