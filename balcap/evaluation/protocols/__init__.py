"""The field's protocols, one folder each, and where each one's class is.

A class is imported only when it is used: some need packages that are not always installed.
"""

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
"""By the name of `balcap eval NAME`: those that judge items. `general` has none of its own."""
