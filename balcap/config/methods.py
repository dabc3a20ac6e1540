"""Which normalisers and gates are built in? One line each; imports none of them."""

from __future__ import annotations

from balcap.plugins import Kind

_RULES = "balcap.advantage.normalizers"
_GATES = "balcap.advantage.gates"

NORMALIZERS = {
    "grpo": f"{_RULES}.grpo:GRPO",
    "dr_grpo": f"{_RULES}.dr_grpo:DrGRPO",
    "mo_grpo": f"{_RULES}.mo_grpo:MOGRPO",
    "gdpo": f"{_RULES}.gdpo:GDPO",
    "gdpo_live": f"{_RULES}.gdpo_live:GDPOLive",
    "gd2po": f"{_RULES}.gd2po:GD2PO",
    "rvpo": f"{_RULES}.rvpo:RVPO",
    "dvao": f"{_RULES}.dvao:DVAO",
    "sa_mrpo": f"{_RULES}.sa_mrpo:SAMRPO",
    "corr_grpo": f"{_RULES}.corr_grpo:CorrGRPO",
}
NORMALIZER_ALIASES = {"c-gdpo": "gdpo"}
GATES = {
    "zero": f"{_GATES}.zero:ZeroGate",
    "exclude": f"{_GATES}.exclude:ExcludeGate",
    "post": f"{_GATES}.post:PostGate",
    "penalty": f"{_GATES}.penalty:PenaltyGate",
    "none": f"{_GATES}.none:NoGate",
}

NORMALIZER_KIND = Kind(
    "normalizer",
    "balcap.normalizers",
    "balcap.advantage.normalizers.Normalizer",
    NORMALIZERS,
    NORMALIZER_ALIASES,
)
GATE_KIND = Kind("gate", "balcap.gates", "balcap.advantage.gates.Gate", GATES)
