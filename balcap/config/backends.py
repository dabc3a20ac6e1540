"""Which judge backends are built in? One line each; imports none of them."""

from __future__ import annotations

from balcap.plugins import Kind

BACKENDS = {
    "endpoint": "balcap.judges.endpoint.backend:Endpoint",
    "local": "balcap.judges.local.backend:Local",
    "replay": "balcap.judges.replay:Replay",
    "scripted": "balcap.judges.scripted:Scripted",
}

BACKEND_KIND = Kind("judge backend", "balcap.judges", "balcap.judges.types.Backend", BACKENDS)
