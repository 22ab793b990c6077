"""Two ends of the telephone, in memory or over real SIP, and scripted far ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sip.line import Trunk, TrunkOptions
from sip.loopback import Network
from sip.pjsua import open_trunk
from tests.sip.ends import Ends
from tests.sip.scripts import Phone, Script


@pytest.fixture(params=["loopback", pytest.param("pjsua", marks=pytest.mark.sip)])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    both = Ends(Network() if request.param == "loopback" else None)
    yield both
    await both.close()


@pytest.fixture
async def trunk() -> AsyncIterator[Trunk]:
    """Real SIP."""
    opened = await open_trunk(TrunkOptions())
    yield opened
    await opened.close()


@pytest.fixture
async def phone() -> AsyncIterator[Callable[[Script], Awaitable[Phone]]]:
    """`await phone(script)`: a scripted far end on a free port."""
    phones: list[Phone] = []

    async def opened(script: Script) -> Phone:
        phones.append(await Phone(script).open())
        return phones[-1]

    yield opened
    for one in phones:
        await one.close()
