"""Why is a request not answered?"""

from __future__ import annotations


class RequestError(Exception):
    """Becomes an answer with a status above 399 and one message.

    Attributes:
        status: of HTTP.
        message: for a person: the thing, the value seen, what is allowed.
        wait: seconds until another try may help (`Retry-After`); 0 where none does.
    """

    def __init__(self, status: int, message: str, wait: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.wait = wait
