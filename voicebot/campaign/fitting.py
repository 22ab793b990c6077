"""Whether contacts still fit a script that was changed after they were judged."""

from __future__ import annotations

from sqlalchemy import Connection, select

from voicebot.flow.model import Flow
from voicebot.store.campaign_tables import contacts


def unfit(connection: Connection, campaign_id: str, flow: Flow) -> str:
    """What of the script the first accepted contact lacks, has in vain or has in another form, "" if nothing: slots by
    name, no values. One contact tells of all, since a list has the same columns in each row.
    """
    accepted = (contacts.c.campaign_id == campaign_id, contacts.c.number.is_not(None))
    query = select(contacts.c.slots).where(*accepted).order_by(contacts.c.row).limit(1)
    slots = connection.execute(query).scalar()
    if slots is None:
        return ""
    wanted = {name: spec for name, spec in flow.script.slots.items() if spec.source == "contact"}
    wrong = [f"{name} is missing" for name, spec in wanted.items() if not spec.optional and name not in slots]
    for name, value in slots.items():
        if name not in wanted:
            wrong.append(f"{name} is not used")
            continue
        try:
            wanted[name].canonical(value)
        except ValueError:
            wrong.append(f"{name} is no {wanted[name].type}")
    return ", ".join(wrong)
