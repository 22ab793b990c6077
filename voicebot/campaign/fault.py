"""The one root of this package's exceptions."""

from __future__ import annotations


class CampaignFault(Exception):
    """It cannot be done as asked: one line (more for a list of mistakes) that says why and what to do. `permanent`: the
    same again cannot help.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent
