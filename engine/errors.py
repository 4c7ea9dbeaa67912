"""The named errors of the domain. A message names the thing and the remedy; the host alone knows status codes."""

from __future__ import annotations


class DomainError(Exception):
    """Base of everything the domain refuses. ``field`` names the offending input where there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(DomainError):
    """The thing does not exist, or the actor may not know that it does."""


class NotAllowed(DomainError):
    """The actor's post does not allow this."""


class Conflict(DomainError):
    """Somebody else was faster, or the thing is no longer in the state this needs."""


class Invalid(DomainError):
    """Input that does not hold; ``errors`` maps fields to messages."""

    def __init__(self, message: str, *, field: str | None = None, errors: dict[str, str] | None = None) -> None:
        super().__init__(message, field=field)
        self.errors = errors or ({field: message} if field else {})


class OperatorRefused(DomainError):
    """An operator's rule says no; the step is rolled back and the reason shown."""


class OperatorError(DomainError):
    """A business error an operator raises by its code: an error event of the diagram catches it.

    What the operator changed before stays; raise it before anything is changed. Uncaught, the step is rolled back.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class CityBroken(DomainError):
    """The city's files do not hold together; ``wangge check`` lists every fault."""
