"""Turns with their written form: what was said with its numbers in figures. Turns from before have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("turns", sa.Column("written", sa.Text(), nullable=False, server_default=""))
