"""What can go wrong with the softphone itself."""

from __future__ import annotations


class SoftphoneFault(Exception):
    """The softphone cannot do what it was asked. `permanent`: trying the same again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class PersonaError(SoftphoneFault):
    """A persona that cannot be played: one line each for what is wrong, "file:line: …"."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)
