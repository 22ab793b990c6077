"""Which attempts are not over, found at a cost that does not grow with how many are."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, select

from voicebot.store.campaign_tables import attempts, trunks

OPEN: Final = ("queued", "dialling")


def in_state(connection: Connection, *states: str) -> ColumnElement[bool]:
    """A condition that holds for the attempts in these states. No index begins with the state: asked for by it alone,
    every attempt ever made would be looked at. By their trunks, of which there are few and each has a row since its
    first attempt was admitted, one index leads to them.
    """
    names = connection.execute(select(trunks.c.name)).scalars().all()
    return and_(attempts.c.trunk.in_(names), attempts.c.state.in_(states))
