"""Any server that speaks OpenAI's protocol, as a judge."""

from balcap.judges.endpoint.backend import Endpoint
from balcap.judges.endpoint.config import check

__all__ = ["Endpoint", "check"]
