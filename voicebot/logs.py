"""How every process of ours logs: one line an event on stderr, with `call_id` and an action, never what was said."""

from __future__ import annotations

import logging


def start_logging(level: str) -> None:
    """Log from `level` ("INFO", …) on; the migrations' own narration only from warnings on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel("WARNING")
