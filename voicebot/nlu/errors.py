"""What can go wrong with understanding. Text never does: only a lexicon or a model somebody wrote can be at fault."""

from __future__ import annotations


class NluError(Exception):
    """Root of this package's faults. `permanent`: trying again changes nothing."""

    permanent: bool = True


class LexiconError(NluError):
    """A lexicon file cannot be read, breaks the form, or holds a pattern that does not compile; says where."""
