"""The judge finds every fault that is planted; a judge that finds nothing would make the crash tests worthless."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.campaign.crash import stage
from tests.campaign.crash.findings import NOT_DIALLED, Attempt, Contact, Left, judge, read
from tests.campaign.crash.sink import Invite

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def attempt(contact_id: int, n: int, minute: int, **other) -> Attempt:
    at = NOON + timedelta(minutes=minute)
    made = Attempt(
        id=f"{contact_id}:{n}", contact_id=contact_id, n=n, number=stage.number_of(contact_id), state="closed",
        host="a", token="boot", fenced_at=at, closed_at=at + timedelta(seconds=30),
        call_id=f"call{contact_id}{n}", disposition="busy", rule="", note="",
    )  # fmt: skip
    return replace(made, **other)


def invite(of: Attempt, **other) -> Invite:
    return replace(Invite(0.0, stage.dialled(of.number), f"sip{of.id}", of.id), **other)


BUSY, AGAIN, GONE = attempt(1, 1, 0), attempt(1, 2, 2), attempt(2, 1, 0, state="unknown", disposition="unknown")
REFUSED = attempt(
    3, 1, 0, state="refused", rule="gap", fenced_at=None, call_id="", host="", token="", disposition=""
)  # fmt: skip
THIRD = attempt(3, 2, 5)
SOUND = Left(
    "done",
    4,
    (
        Contact(1, "done", 2, 2, "busy", NOON),
        Contact(2, "done", 1, 1, "unknown", NOON),
        Contact(3, "done", 2, 1, "", NOON),
    ),
    (BUSY, AGAIN, GONE, REFUSED, THIRD),
    {"call11": "closed", "call12": "closed", "call21": "dialling", "call32": "closed"},
    (invite(BUSY), invite(AGAIN), invite(THIRD)),
)  # fmt: skip


def with_attempt(changed: Attempt) -> Left:
    return replace(SOUND, attempts=tuple(changed if a.id == changed.id else a for a in SOUND.attempts))


def with_contact(changed: Contact) -> Left:
    return replace(SOUND, contacts=tuple(changed if c.id == changed.id else c for c in SOUND.contacts))


def test_a_sound_campaign_has_no_findings():
    found = judge(SOUND)
    assert found.wrong == []
    assert found.counts == {
        "contacts": 3, "attempts": 5, "invites": 3, "closed": 3, "unknown": 1, "refused": 1, "queued": 0,
        "dialling": 0, "not_dialled": 0, "unknown_that_rang": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (invite(BUSY, call_id="another"), "1:1: 2 INVITEs"),
        (invite(BUSY, call_id="another", attempt=""), "no attempt: an INVITE that no attempt of ours explains"),
        (invite(BUSY, call_id="another", attempt="9:9"), "9:9: an INVITE that no attempt of ours explains"),
        (invite(REFUSED), "3:1: an INVITE without a fence (refused)"),
        (invite(GONE, number="13800000000"), "2:1: an INVITE for the number of another attempt"),
    ],
)
def test_every_double_dial_is_found(extra, told):
    assert told in judge(replace(SOUND, invites=(*SOUND.invites, extra))).double_dials


def test_a_number_that_rings_more_often_than_it_was_fenced_is_found_without_the_header():
    twice = replace(SOUND, invites=(*SOUND.invites, *(invite(GONE, attempt=f"x{n}") for n in range(2))))
    assert "a number: 2 INVITEs, 1 fences" in judge(twice).double_dials


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (replace(SOUND, campaign="running"), "the campaign is running, not done"),
        (with_attempt(replace(THIRD, state="dialling")), "3:2: still dialling"),
        (with_attempt(replace(REFUSED, state="queued")), "3:1: still queued"),
        (with_contact(Contact(3, "admitted", 2, 1, "", None)), "contact 3: still admitted"),
        (with_contact(Contact(3, "waiting", 2, 1, "", None)), "contact 3: still waiting"),
        (with_contact(Contact(2, "unknown", 1, 1, "", None)), "contact 2: still unknown"),
        (with_contact(Contact(3, "done", 3, 1, "", NOON)), "contact 3: counts 3 attempts, has [1, 2]"),
        (with_attempt(replace(AGAIN, n=3)), "contact 1: counts 2 attempts, has [1, 3]"),
        (
            replace(SOUND, contacts=(*SOUND.contacts, Contact(4, "done", 0, 0, "", NOON))),
            "contact 4: never attempted",
        ),
    ],
)
def test_everything_lost_is_found(left, told):
    assert told in judge(left).lost


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (with_attempt(replace(THIRD, disposition="")), "3:2: closed without an outcome"),
        (with_attempt(replace(THIRD, closed_at=None)), "3:2: closed at no time"),
        (replace(SOUND, calls=SOUND.calls | {"call32": "answered"}), "3:2: closed, its call's record not"),
        (with_attempt(replace(THIRD, fenced_at=None)), "3:2: closed without a fence"),
        (with_attempt(replace(GONE, fenced_at=None)), "2:1: unknown without a fence"),
        (with_attempt(replace(REFUSED, rule="")), "3:1: refused by no rule"),
        (with_attempt(replace(REFUSED, fenced_at=NOON)), "3:1: refused behind the fence"),
        (with_attempt(replace(GONE, call_id="lost")), "2:1: fenced without a call's record"),
        (with_attempt(replace(THIRD, token="")), "3:2: fenced by nobody"),
        (with_attempt(replace(THIRD, rule=NOT_DIALLED)), "3:2: said to be not dialled, but rang"),
        (with_attempt(replace(AGAIN, fenced_at=BUSY.fenced_at)), "1:2: fenced before 1:1 was closed"),
        (with_contact(Contact(1, "done", 2, 1, "busy", NOON)), "contact 1: counts 1 dials, has 2"),
        (replace(SOUND, dials=5), "the campaign counts 5 dials, its attempts 4"),
    ],
)
def test_every_contradiction_is_found(left, told):
    assert told in judge(left).contradictions


def test_what_is_read_is_what_the_tables_hold(store):
    stage.insert_campaign(store, count=3, channels=2)
    left = read(store, [])
    assert (left.campaign, left.dials, left.attempts, left.calls) == ("running", 0, (), {})
    assert [(c.state, c.attempts, c.dials) for c in left.contacts] == [("waiting", 0, 0)] * 3
    assert len(judge(left).lost) == 1 + 2 * 3
