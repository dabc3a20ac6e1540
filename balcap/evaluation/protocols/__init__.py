"""The field's protocols, one folder each, and where each one's class is.

A class is imported only when it is used: some need packages that are not always installed.
"""

from importlib.metadata import entry_points

_HERE = "balcap.evaluation.protocols"

PROTOCOLS = {
    "captionqa": f"{_HERE}.captionqa.protocol:CaptionQA",
    "bcapscore": f"{_HERE}.bcapscore.protocol:BCapScore",
    "dcscore": f"{_HERE}.dcscore.protocol:DCScore",
    "caparena": f"{_HERE}.caparena.protocol:CapArena",
    "prism": f"{_HERE}.prism.protocol:Prism",
    "classical": f"{_HERE}.classical.protocol:Classical",
    "grounding": f"{_HERE}.grounding.protocol:GroundingProtocol",
}
"""By the name of `balcap eval NAME`: those that judge items. `general` has none of its own.

Another package offers its own under the entry points `balcap.protocols`, and the command under
`balcap.commands`.
"""


def place_of(name: str) -> str | None:
    """`package.module:Class` of a protocol, built in or installed; None if there is none."""
    offered = {point.name: point.value for point in entry_points(group="balcap.protocols")}
    return PROTOCOLS.get(name) or offered.get(name)
