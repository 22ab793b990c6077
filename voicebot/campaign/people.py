"""Who may do what 人员与权限. Nobody is authenticated here: whoever may open the database may do anything. Roles are
checked so that mistakes are caught and the log says who it was.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, insert, select, update

from voicebot.campaign.fault import CampaignFault
from voicebot.store.campaign_tables import people
from voicebot.store.store import Store

# Each role with its Chinese name.
ROLES: Final = {
    "operations": "运营",
    "advisor": "投顾",
    "supervisor": "主管",
    "compliance": "合规",
    "admin": "管理员",
}
ADMIN: Final = "admin"
# Who it was where nobody gave a command: the dispatcher.
SYSTEM: Final = "system"
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose name may stand in a log. One who is no longer `active` may do nothing more."""

    name: str
    roles: tuple[str, ...]
    active: bool
    created_at: datetime


def add(store: Store, name: str, roles: Iterable[str]) -> Person:
    """Add somebody with these roles. One who is there already (or was removed) has exactly these from now on. Raises
    `CampaignFault` for a name or role that cannot be.
    """
    name, given = name.strip(), tuple(dict.fromkeys(roles))
    _check_name(name)
    if not given:
        raise CampaignFault(f"{name} needs a role: --role {' or --role '.join(ROLES)}")
    if strange := [role for role in given if role not in ROLES]:
        raise CampaignFault(f"{strange[0]!r} is no role; there are {', '.join(ROLES)}")
    with store.writing() as connection:
        there = [_of_row(row) for row in connection.execute(select(people)).mappings()]
        # Two spellings would be two people to the rule that nobody approves his own campaign.
        if alike := [p.name for p in there if p.name != name and _folded(p.name) == _folded(name)]:
            raise CampaignFault(f"{name!r} is too like {alike[0]!r}, who is there already: use that name")
        if any(person.name == name for person in there):
            connection.execute(update(people).where(people.c.name == name).values(roles=list(given), active=True))
        else:
            row = {"name": name, "roles": list(given), "active": True, "created_at": datetime.now(UTC)}
            connection.execute(insert(people), row)
        return _find(connection, name)


def remove(store: Store, name: str) -> Person:
    """Let somebody do nothing more; logs keep the name. Raises `CampaignFault` where nobody is called so."""
    with store.writing() as connection:
        _find(connection, name)
        connection.execute(update(people).where(people.c.name == name).values(active=False))
        return _find(connection, name)


def everybody(store: Store) -> list[Person]:
    """All there are, by name; also those who were removed."""
    with store.reading() as connection:
        return [_of_row(row) for row in connection.execute(select(people).order_by(people.c.name)).mappings()]


def roles_of(connection: Connection, name: str) -> frozenset[str]:
    """The roles somebody has; none for one who is not known or no longer active."""
    row = connection.execute(select(people).where(people.c.name == name)).mappings().one_or_none()
    return frozenset(row["roles"]) if row is not None and row["active"] else frozenset()


def require(connection: Connection, name: str, *roles: str, act: str = "do this") -> None:
    """Nothing, if `name` has one of `roles` or is admin; otherwise raises `CampaignFault`, which says what is missing.
    `act`: what is about to be done, as a verb.
    """
    row = connection.execute(select(people).where(people.c.name == name)).mappings().one_or_none()
    if row is None:
        role = roles[0] if roles else "operations"
        raise CampaignFault(f"nobody is called {name!r}: `voicebot people add {name} --role {role}`")
    if not row["active"]:
        raise CampaignFault(f"{name} was removed and may not {act}: `voicebot people add` lets him back in")
    if roles and not {*roles, ADMIN} & set(row["roles"]):
        raise CampaignFault(f"{name} may not {act}: needs role {' or '.join(roles)}, has {', '.join(row['roles'])}")


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise CampaignFault(f"a person's name has 1 to {_LONGEST} printable characters")
    if _folded(name) == SYSTEM:
        raise CampaignFault(f"{name!r} stands in logs for the dispatcher: choose another name")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _find(connection: Connection, name: str) -> Person:
    row = connection.execute(select(people).where(people.c.name == name)).mappings().one_or_none()
    if row is None:
        raise CampaignFault(f"nobody is called {name!r}: `voicebot people list` shows all")
    return _of_row(row)


def _of_row(row: RowMapping) -> Person:
    return Person(row["name"], tuple(row["roles"]), row["active"], row["created_at"])
