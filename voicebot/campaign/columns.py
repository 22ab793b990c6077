"""What the columns of a contact list mean, for the script it is made for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from voicebot.campaign.fault import CampaignFault
from voicebot.flow.model import Flow

NUMBER: Final = "number"
REF: Final = "ref"
ZONE: Final = "zone"
MARGIN_CALL: Final = "margin_call"
OPEN_COMPLAINT: Final = "open_complaint"
AS_OF: Final = "as_of"
CONSENT_UNTIL: Final = "consent_until"

# A list's own columns and what else they may be called.
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    NUMBER: ("phone", "mobile", "手机号", "手机号码", "手机", "电话", "电话号码", "号码"),
    REF: ("client", "客户号", "客户编号", "资金账号"),
    ZONE: ("时区",),
}
# What the gates ask for and no script says, with its Chinese name and what is written there.
FACTS: Final[Mapping[str, tuple[str, str]]] = {
    MARGIN_CALL: ("追保状态", "yes or no"),
    OPEN_COMPLAINT: ("未结投诉", "yes or no"),
    AS_OF: ("数据日期", "the day the data is of"),
    CONSENT_UNTIL: ("同意有效期", "the last day of the consent"),
}
# Without these no gate ever lets a marketing call pass (missing data is a no), so such a list can only be a mistake.
_FOR_MARKETING: Final = (MARGIN_CALL, OPEN_COMPLAINT, AS_OF)
_LABEL_ENDS: Final = re.compile(r"[，,；;：:]")
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each thing stands in a row, columns counted from 0; `ref` and `zone` are None where the list has none.
    `header`: the columns' own names.
    """

    header: tuple[str, ...]
    number: int
    ref: int | None
    zone: int | None
    slots: Mapping[str, int]
    facts: Mapping[str, int]


def map_columns(header: Sequence[str], flow: Flow) -> Columns:
    """Find what a flow needs in a list's header: by name, or by the Chinese name (of a slot: what the script says
    `about` it, whole or up to the first comma). Raises one `CampaignFault` with all that is unknown, missing or there
    twice, a line each.
    """
    slots = {name: spec for name, spec in flow.script.slots.items() if spec.source == "contact"}
    names = _names(flow)
    found: dict[str, int] = {}
    wrong: list[str] = []
    there = {thing for title in header for thing in names.get(_plain(title), ())}
    open_ = {name: things for name, things in names.items() if not there.intersection(things)}
    for column, title in enumerate(header):
        meant = names.get(_plain(title), ())
        if not meant:
            wrong.append(f"{_shown(title)}: {_unknown(title, flow, open_)}")
        elif len(meant) > 1:
            wrong.append(f"{_shown(title)}: may be {' or '.join(meant)}: write one of these names")
        elif (thing := meant[0]) in found:
            wrong.append(f"{_shown(title)}: is {thing}, as {_shown(header[found[thing]])} is: keep one")
        else:
            found[thing] = column
    if NUMBER not in found:
        wrong.append("number: missing: whom to dial, also called 手机号 or 电话")
    for name, spec in slots.items():
        if name not in found and not spec.optional:
            about = f", {spec.about}" if spec.about else ""
            wrong.append(f"{name}: missing: {spec.type}{about}")
    if flow.kind == "marketing":
        wrong += [
            f"{fact}: missing: {FACTS[fact][0]}, {FACTS[fact][1]}; no marketing call is made without it"
            for fact in _FOR_MARKETING
            if fact not in found
        ]
    if wrong:
        raise CampaignFault("\n".join([f"the columns do not fit flow {flow.name}:", *(f"  {line}" for line in wrong)]))
    return Columns(
        tuple(header),
        found[NUMBER],
        found.get(REF),
        found.get(ZONE),
        {name: found[name] for name in slots if name in found},
        {fact: found[fact] for fact in FACTS if fact in found and fact not in slots},
    )


def _names(flow: Flow) -> dict[str, tuple[str, ...]]:
    """All names a column may have → what they stand for; more than one thing where a label does not tell them apart."""
    # A script's own slots come before a fact of the same name (as_of is the day of the figures it says).
    exact: dict[str, str] = {name: name for name in FACTS}
    exact |= {name: name for name, spec in flow.script.slots.items() if spec.source == "contact"}
    exact |= {name: name for name in _OWN}
    exact |= {_plain(alias): name for name, aliases in _OWN.items() for alias in aliases}
    labels: defaultdict[str, list[str]] = defaultdict(list)
    for name, spec in flow.script.slots.items():
        if spec.source == "contact" and spec.about:
            for label in {_plain(spec.about), _plain(_LABEL_ENDS.split(spec.about)[0])}:
                labels[label].append(name)
    for fact, (label, _) in FACTS.items():
        if label not in labels:
            labels[label].append(fact)
    return {label: tuple(things) for label, things in labels.items()} | {name: (it,) for name, it in exact.items()}


def _unknown(title: str, flow: Flow, names: Mapping[str, tuple[str, ...]]) -> str:
    """`names`: those that no other column has."""
    spec = flow.script.slots.get(title.strip())
    if spec is not None:
        return f"is no column: {'the callee says it' if spec.source == 'callee' else 'the script sets it'} in the call"
    close = get_close_matches(_plain(title)[:_SHOWN], names, 1)
    return f"unknown column: did you mean {close[0]}?" if close else "unknown column: remove it from the list"


def _plain(title: str) -> str:
    return "".join(title.split()).casefold()


def _shown(title: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in title)
    return printable if len(printable) <= _SHOWN else printable[: _SHOWN - 1] + "…"
