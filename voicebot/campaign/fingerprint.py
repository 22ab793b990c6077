"""The hash that an approval fixes the contacts of a campaign by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from voicebot.store.campaign_tables import contacts

_FETCHED: Final = 2000


def fingerprint(number: str, ref: str, zone: str, slots: Mapping[str, Any], facts: Mapping[str, Any]) -> bytes:
    """What a contact adds to the hash: canonical JSON, a line. `zone`: as its row has it. All that a call says or that
    lets it be made is in it, nothing of how far it has come.
    """
    contact = [number, ref, zone, slots, facts]
    return json.dumps(contact, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def contacts_hash(connection: Connection, campaign_id: str) -> str:
    """sha256 (hex) over the accepted contacts of a campaign in the order of their list, as the database has them now.
    Streamed: some seconds for 100,000 contacts, in constant memory.
    """
    kept = contacts.c
    query = (
        select(kept.number, kept.ref, kept.zone, kept.slots, kept.facts)
        .where(kept.campaign_id == campaign_id, kept.number.is_not(None))
        .order_by(kept.row, kept.id)
        .execution_options(yield_per=_FETCHED)
    )
    digest = hashlib.sha256()
    for row in connection.execute(query):
        digest.update(fingerprint(*row))
    return digest.hexdigest()
