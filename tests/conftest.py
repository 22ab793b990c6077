"""Fixtures for all rooms' tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.databases import SERVER, database_url, empty_database_url, migrated, store, template
from tests.interop_peers import Peer, baresip_answering, sipp_answering

__all__ = ["database_url", "empty_database_url", "migrated", "store", "template"]  # fixtures, found by their names


@pytest.fixture
def baresip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], AbstractAsyncContextManager[Peer]]:
    """`async with baresip(wav) as peer`: see `tests.interop_peers.baresip_answering`."""
    return lambda wav: baresip_answering(tmp_path_factory.mktemp("baresip"), wav)


@pytest.fixture
def sipp(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractAsyncContextManager[Peer]]:
    """`async with sipp(wav, hang_up_after_s=…) as peer`: see `tests.interop_peers.sipp_answering`."""

    def answering(wav: Path | None = None, **options: Any) -> AbstractAsyncContextManager[Peer]:
        return sipp_answering(tmp_path_factory.mktemp("sipp"), wav, **options)

    return answering


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not tried is said."""
    if not SERVER:
        terminalreporter.write_line("SQLite only: VOICEBOT_TEST_POSTGRES names no PostgreSQL server (CONTRIBUTING.md)")
