"""The record of calls: a synchronous store for a writer's thread (async code uses `voicebot.store.ledger`).

Whatever the tables say of a call is read from its events: `append` moves the call's state along, `close_call` derives
turns, outcome and recording, all in the transaction that appends. So a record never contradicts its log, and a call
whose worker died is closed from what it had written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, RowMapping, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from voicebot import events
from voicebot.store import migration, tables
from voicebot.store.engine import BUSY_TIMEOUT_MS, READS, open_engine
from voicebot.store.fault import StoreFault, told_as_store_fault
from voicebot.store.number import canonical
from voicebot.store.records import CallRecord, DoNotCall, Engines, Lead, NewCall, StoredEvent, Turn, new_id
from voicebot.store.transcript import findings_of, percentile

_T = TypeVar("_T")
FAULT: Final = "fault"
DO_NOT_CALL: Final = "do_not_call"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way to the record. `key` makes appending it twice harmless."""

    call_id: str
    event: events.Event
    recorded_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    key: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a finished call is worth and whom it leaves something to do for."""

    grade: str
    lead: Lead | None = None


# (the call so far, its events, its disposition) → its grade and lead; `voicebot.leads` has the real one.
Judge = Callable[[CallRecord, Sequence[events.Event], str], Judgement]


class Store:
    """An open database. Its methods may be called from any thread, but not in a process forked after opening it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._pid = os.getpid()

    @classmethod
    def open(cls, database_url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, durable: bool = False) -> Store:
        """Open `sqlite:///<file>` (made and migrated as needed) or `postgresql://…` (must have been migrated).

        `busy_timeout_ms`: how long SQLite waits for another writer; `durable`: a transaction that has gone through is
        there after a power loss too (PostgreSQL's are anyway), for who dials by what it says. Raises `StoreFault`:
        permanent for a broken URL or foreign tables, otherwise for a database that is away.
        """
        engine = open_engine(database_url, busy_timeout_ms=busy_timeout_ms, durable=durable)
        try:
            if engine.dialect.name == "sqlite" and migration.revision_of(engine) != migration.head():
                migration.upgrade_engine(engine)
            migration.check(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Give the connections back. Idempotent."""
        self.engine.dispose()

    # ------------------------------------------------------------ writing

    def create_call(self, call: NewCall) -> None:
        """Note a call before it is dialled; the same call again changes nothing. Raises `StoreFault`."""
        with self.writing() as connection:
            insert_call(connection, call)

    def append(self, call_id: str, happened: Iterable[events.Event]) -> None:
        """Append events to a call's log, in order. Raises `StoreFault`, permanent for a call that does not exist."""
        self.append_entries([Entry(call_id, event) for event in happened])

    def append_entries(self, entries: Sequence[Entry]) -> None:
        """Append events of any calls in one transaction; an entry whose key is there already is passed over.

        A closed call takes further events too (evidence is never refused), but its outcome stands. Raises `StoreFault`.
        """
        by_call: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_call[entry.call_id].append(entry)
        with self.writing() as connection:
            for call_id in sorted(by_call):  # one order for all processes: no deadlock
                _append(connection, _locked(connection, call_id), by_call[call_id])

    def close_call(self, call_id: str, happened: Iterable[events.Event] = (), lead: Lead | None = None) -> CallRecord:
        """Append the last events and close the call: turns, outcome, grade, recording and lead, in one transaction.

        Among its events must be a `Concluded`. A closed call stays as it is and its record is given again. Raises
        `StoreFault`.
        """
        entries = [Entry(call_id, event) for event in happened]
        with self.writing() as connection:
            row = _locked(connection, call_id)
            if row["state"] != "closed":
                _append(connection, row, entries)
                _close(connection, call_id, lead)
            return _record(connection, call_id)

    def close_as_fault(
        self, call_id: str, reason: str, *, recording: events.Recorded | None = None, judge: Judge | None = None
    ) -> CallRecord:
        """Close a call whose worker is gone, from the events it left. Its disposition is `fault`, unless it had already
        ended and been concluded; `reason` is kept in the record. `recording`: what was repaired of it; `judge` gives
        the grade and the lead, so that a client who asked for a human is not forgotten. Idempotent. Raises
        `StoreFault`.
        """
        with self.writing() as connection:
            row = _locked(connection, call_id)
            if row["state"] == "closed":
                return _record(connection, call_id)
            happened = _events(connection, call_id)
            found = findings_of(happened)
            at_ms = max((event.at_ms for event in happened), default=0)
            last: list[events.Event] = [events.Fault(at_ms, "worker", reason)]
            if found.ended is None:
                last.append(events.Ended(at_ms, FAULT, reason=reason))
            if recording is not None and found.recorded is None:
                last.append(recording)
            concluded = found.concluded if found.ended is not None else None
            disposition = concluded.disposition if concluded else FAULT
            judged = judge(_record(connection, call_id), happened, disposition) if judge else Judgement("")
            if concluded is None:
                last.append(events.Concluded(at_ms, disposition, judged.grade))
            _append(connection, row, [Entry(call_id, event) for event in last])
            _close(connection, call_id, judged.lead)
            return _record(connection, call_id)

    def add_do_not_call(self, target: str, reason: str, *, call_id: str | None = None) -> None:
        """Never call this number or SIP URI again. The first entry of a number stands. Raises `StoreFault`."""
        with self.writing() as connection:
            _forbid(connection, target, datetime.now(UTC), reason, call_id)

    # ------------------------------------------------------------ reading

    def call(self, call_id: str) -> CallRecord:
        """A call with its turns and lead; of one that is not closed, the turns so far. Raises `StoreFault`."""
        with self.reading() as connection:
            return _record(connection, call_id)

    def events(self, call_id: str, after_seq: int = 0) -> list[StoredEvent]:
        """The call's events whose number is above `after_seq`, in order (for a live view: ask again from the last)."""
        with self.reading() as connection:
            return list(_stored(connection, call_id, after_seq))

    def open_calls(self, *, worker: str | None = None, worker_pid: int | None = None) -> list[str]:
        """Ids of calls not closed, the oldest first; only those of a worker or of a process, if named."""
        query = select(tables.calls.c.id).where(tables.calls.c.state != "closed").order_by(tables.calls.c.created_at)
        if worker is not None:
            query = query.where(tables.calls.c.worker == worker)
        if worker_pid is not None:
            query = query.where(tables.calls.c.worker_pid == worker_pid)
        with self.reading() as connection:
            return list(connection.execute(query).scalars())

    def do_not_call(self, target: str) -> DoNotCall | None:
        """The do-not-call entry of a number or SIP URI, however it is written; None if it may be called."""
        query = select(tables.do_not_call).where(tables.do_not_call.c.number == canonical(target))
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return DoNotCall(**row) if row else None

    # ------------------------------------------------------------ transactions

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, for the tables above calls: committed at the end, undone by an exception. What the
        database refuses is a `StoreFault`.
        """
        self._check_process()
        with told_as_store_fault(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one moment of the database, held against no writer."""
        self._check_process()
        with told_as_store_fault(), self.engine.connect().execution_options(**{READS: True}) as connection:
            yield connection

    def _check_process(self) -> None:
        # A forked SQLite connection corrupts the file, a forked PostgreSQL one mixes two conversations.
        if os.getpid() != self._pid:
            raise StoreFault("a store is opened in the process that uses it, not before a fork", permanent=True)


_NO_OUTCOME: Final[Mapping[str, Any]] = {
    "disposition": "",
    "grade": "",
    "sip_code": 0,
    "sip_cause": "",
    "sip_reason": "",
    "ended_by_far_end": False,
    "fault": "",
    "disclosures": [],
    "recording_path": "",
    "recording_sha256": "",
    "recording_ms": 0,
    "recording_problem": "",
}


def insert_call(connection: Connection, call: NewCall) -> None:
    """`Store.create_call` within a transaction of the caller's."""
    row = {
        "id": call.id,
        "flow": call.flow,
        "flow_version": call.flow_version,
        "contact_ref": call.contact_ref,
        "contact_slots": dict(call.contact_slots),
        "target": call.target,
        "state": "queued",
        "created_at": call.created_at,
        **asdict(call.engines),
        "worker": call.worker,
        "worker_pid": call.worker_pid,
        **_NO_OUTCOME,
    }
    insert_unless_there(connection, tables.calls, row)


def _locked(connection: Connection, call_id: str) -> RowMapping:
    """The call's row, held until the transaction ends: so sequence numbers have no gap and no double."""
    query = select(tables.calls).where(tables.calls.c.id == call_id).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise StoreFault(f"no such call: {call_id}", permanent=True)
    return row


def _append(connection: Connection, call: RowMapping, entries: Sequence[Entry]) -> None:
    call_id: str = call["id"]
    log = tables.call_events.c
    keys = [entry.key for entry in entries]
    there = set(connection.execute(select(log.key).where(log.call_id == call_id, log.key.in_(keys))).scalars())
    fresh = [entry for entry in entries if entry.key not in there]
    if not fresh:
        return
    last: int = connection.execute(select(func.max(log.seq)).where(log.call_id == call_id)).scalar() or 0
    connection.execute(
        insert(tables.call_events),
        [
            {
                "call_id": call_id,
                "seq": seq,
                "key": entry.key,
                "kind": entry.event.kind,
                "at_ms": entry.event.at_ms,
                "recorded_at": entry.recorded_at,
                "payload": events.payload_of(entry.event),
            }
            for seq, entry in enumerate(fresh, start=last + 1)
        ],
    )
    for entry in fresh:
        if isinstance(entry.event, events.Acted) and entry.event.action == DO_NOT_CALL:
            reason = entry.event.data.get("reason", "")
            _forbid(connection, call["target"], entry.recorded_at, reason, call_id)
    progress = _progress(call, fresh)
    if progress and call["state"] != "closed":
        connection.execute(update(tables.calls).where(tables.calls.c.id == call_id).values(progress))


def _progress(call: RowMapping, entries: Iterable[Entry]) -> dict[str, Any]:
    """What these events change in the call's row: its state only ever goes forward."""
    values: dict[str, Any] = {}
    state = tables.STATES.index(call["state"])
    for entry in entries:
        match entry.event:
            case events.Dialling():
                reached, moment = "dialling", "dialled_at"
            case events.Ringing():
                reached, moment = "ringing", ""
            case events.Answered():
                reached, moment = "answered", "answered_at"
            case events.Ended():
                reached, moment = "", "ended_at"
            case _:
                continue
        if moment and call[moment] is None:
            values.setdefault(moment, entry.recorded_at)
        if reached and tables.STATES.index(reached) > state:
            state = tables.STATES.index(reached)
            values["state"] = reached
    return values


def _close(connection: Connection, call_id: str, lead: Lead | None) -> None:
    found = findings_of(_events(connection, call_id))
    if found.concluded is None:
        raise StoreFault(f"call {call_id} has not been concluded", permanent=True)
    ended = found.ended or events.Ended(0, "")
    recorded = found.recorded or events.Recorded(0, "", "", 0)
    now = datetime.now(UTC)
    connection.execute(
        update(tables.calls)
        .where(tables.calls.c.id == call_id)
        .values(
            state="closed",
            ended_at=func.coalesce(tables.calls.c.ended_at, now),
            closed_at=now,
            disposition=found.concluded.disposition,
            grade=found.concluded.grade,
            sip_code=ended.code,
            sip_cause=ended.cause,
            sip_reason=ended.reason[:255],
            ended_by_far_end=ended.by_far_end,
            fault=found.fault,
            disclosures=list(found.disclosures),
            recording_path=recorded.path,
            recording_sha256=recorded.sha256,
            recording_ms=recorded.duration_ms,
            recording_problem=recorded.problem,
            response_p50_ms=percentile(found.response_ms, 0.50),
            response_p95_ms=percentile(found.response_ms, 0.95),
        )
    )
    if found.turns:
        connection.execute(insert(tables.turns), [{"call_id": call_id, **asdict(turn)} for turn in found.turns])
    if lead is not None:
        row = asdict(lead)
        connection.execute(insert(tables.leads), {"call_id": call_id, **row})


def _forbid(connection: Connection, target: str, since: datetime, reason: str, call_id: str | None) -> None:
    row = {"number": canonical(target), "since": since, "reason": reason, "call_id": call_id}
    insert_unless_there(connection, tables.do_not_call, row)


def insert_unless_there(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its key is there; says whether it was inserted. On PostgreSQL it waits for another
    transaction that has inserted the same key.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(row).on_conflict_do_nothing()
    # SQLAlchemy forgets the count of an INSERT on PostgreSQL (-1) unless it is told that somebody asks.
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount > 0


def _stored(connection: Connection, call_id: str, after_seq: int = 0) -> Iterator[StoredEvent]:
    log = tables.call_events.c
    query = select(tables.call_events).where(log.call_id == call_id, log.seq > after_seq).order_by(log.seq)
    for row in connection.execute(query).mappings():
        event = events.restore(row["kind"], row["at_ms"], row["payload"])
        yield StoredEvent(call_id, row["seq"], row["recorded_at"], event)


def _events(connection: Connection, call_id: str) -> list[events.Event]:
    return [stored.event for stored in _stored(connection, call_id)]


def _record(connection: Connection, call_id: str) -> CallRecord:
    call = connection.execute(select(tables.calls).where(tables.calls.c.id == call_id)).mappings().one_or_none()
    if call is None:
        raise StoreFault(f"no such call: {call_id}", permanent=True)
    if call["state"] == "closed":
        kept = select(tables.turns).where(tables.turns.c.call_id == call_id).order_by(tables.turns.c.n)
        turns = tuple(_value(Turn, row) for row in connection.execute(kept).mappings())
    else:
        turns = findings_of(_events(connection, call_id)).turns
    lead = connection.execute(select(tables.leads).where(tables.leads.c.call_id == call_id)).mappings().one_or_none()
    engines = Engines(call["asr"], call["nlu"], call["tts"], synthetic_ear=call["synthetic_ear"])
    own = {name: value for name, value in call.items() if name not in ("asr", "nlu", "tts", "synthetic_ear")}
    own["disclosures"] = tuple(own["disclosures"])
    return CallRecord(**own, engines=engines, turns=turns, lead=_value(Lead, lead) if lead else None)


def _value(cls: type[_T], row: RowMapping) -> _T:
    return cls(**{name: value for name, value in row.items() if name != "call_id"})
