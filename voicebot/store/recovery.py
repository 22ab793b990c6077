"""What the parent does when a worker has died: its calls are closed from what they left."""

from __future__ import annotations

from pathlib import Path

from voicebot import events
from voicebot.store import recording
from voicebot.store.records import CallRecord
from voicebot.store.store import Judge, Store


def close_orphans(
    store: Store,
    recordings_dir: Path,
    reason: str,
    *,
    worker: str | None = None,
    worker_pid: int | None = None,
    judge: Judge | None = None,
) -> list[CallRecord]:
    """Close every open call of a worker (by name, or by process) that is surely dead, and give their records.

    Each gets the disposition `fault` with `reason`, the turns it had, its recording repaired and hashed, and, by
    `judge`, a grade and a lead. Raises `StoreFault`; what was closed before it stays closed, and asking again goes on.
    """
    return [
        close_orphan(store, recordings_dir, call_id, reason, judge=judge)
        for call_id in store.open_calls(worker=worker, worker_pid=worker_pid)
    ]


def close_orphan(
    store: Store, recordings_dir: Path, call_id: str, reason: str, *, judge: Judge | None = None
) -> CallRecord:
    """`close_orphans` for one call."""
    path = recording.find(recordings_dir, call_id)
    recorded = None
    if path is not None:
        file = recording.repair(recordings_dir, path)
        recorded = events.Recorded(file.duration_ms, file.path, file.sha256, file.duration_ms, file.problem)
    return store.close_as_fault(call_id, reason, recording=recorded, judge=judge)
