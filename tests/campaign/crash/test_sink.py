"""The sink against the robot's real SIP engine: its log is what the crash tests believe."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sip.line import Answered, Cause, Ending, Ringing, TrunkOptions
from sip.pjsua import open_trunk
from tests.campaign.crash.sink import Invite, Sink, calls_in

pytestmark = pytest.mark.sip


@pytest.fixture
async def sink(tmp_path):
    opened = await Sink(tmp_path / "calls.jsonl").open()
    yield opened
    await opened.close()


@pytest.fixture
async def trunk(sink):
    opened = await open_trunk(TrunkOptions(proxy=f"sip:127.0.0.1:{sink.port}"))
    yield opened
    await opened.close()


async def events_of(line):
    return [event async for event in line.events()]


@pytest.mark.parametrize(
    ("number", "ring", "ending"),
    [
        ("+8613800000000", [], Ending(Cause.BUSY, 486, "Busy Here", by_far_end=True)),
        ("+8613800000001", [], Ending(Cause.WRONG_NUMBER, 404, "Not Found", by_far_end=True)),
        ("+8613800000002", [Ringing(180)], Ending(Cause.NO_ANSWER, 480, "Temporarily Unavailable", by_far_end=True)),
        ("+8613800000007", [], Ending(Cause.UNREACHABLE, 503, "No", by_far_end=True)),
        ("+8613800000008", [Ringing(180)], Ending(Cause.REJECTED, 603, "No", by_far_end=True)),
    ],
)
async def test_a_number_behaves_by_its_last_digit(trunk, tmp_path, number, ring, ending):
    line = await trunk.dial(f"sip:{number}@sbc.invalid", headers={"X-Voicebot-Attempt": "7:1"})
    assert await asyncio.wait_for(events_of(line), 10) == [*ring, ending]
    (call,) = calls_in(tmp_path / "calls.jsonl")
    assert (call.number, call.attempt) == (number, "7:1")


async def test_an_answer_is_taken_back_by_the_sink(trunk):
    line = await trunk.dial("sip:13800000003@sbc.invalid")
    assert await asyncio.wait_for(events_of(line), 10) == [
        Ringing(180),
        Answered(),
        Ending(Cause.COMPLETED, 200, "Normal call clearing", by_far_end=True),
    ]


async def test_we_may_hang_up_first_and_cancel(trunk):
    line = await trunk.dial("sip:13800000009@sbc.invalid")
    ringing = anext(line.events())
    assert await asyncio.wait_for(ringing, 10) == Ringing(180)
    ending = await asyncio.wait_for(line.hang_up(), 10)
    assert (ending.cause, ending.code) == (Cause.CANCELLED, 487)
    line = await trunk.dial("sip:13800000006@sbc.invalid")
    assert await asyncio.wait_for(anext(line.events()), 10) == Answered()
    assert (await asyncio.wait_for(line.hang_up(), 10)).cause is Cause.COMPLETED


async def test_the_same_invite_again_is_one_call_and_another_is_another(sink, tmp_path):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as robot:
        robot.bind(("127.0.0.1", 0))
        robot.setblocking(False)
        for call_id, branch in (("a", "1"), ("a", "1"), ("b", "2"), ("a", "1")):
            invite = (
                "INVITE sip:13800000000@x SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{robot.getsockname()[1]};branch=z9hG4bK{branch}\r\n"
                f"From: <sip:r@x>;tag=1\r\nTo: <sip:13800000000@x>\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n"
                "Contact: <sip:r@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
            )
            await loop.sock_sendto(robot, invite.encode(), ("127.0.0.1", sink.port))
            answers = [(await asyncio.wait_for(loop.sock_recv(robot, 4096), 5)).split(b"\r\n")[0]]
            while answers[-1] != b"SIP/2.0 486 Busy Here":
                answers.append((await asyncio.wait_for(loop.sock_recv(robot, 4096), 5)).split(b"\r\n")[0])
    assert [(call.call_id, call.number) for call in calls_in(tmp_path / "calls.jsonl")] == [
        ("a", "13800000000"),
        ("b", "13800000000"),
    ]


def test_a_line_that_was_not_written_to_its_end_is_no_call(tmp_path):
    log = tmp_path / "calls.jsonl"
    assert calls_in(log) == []
    log.write_text('{"at": 1.5, "number": "1", "call_id": "c", "attempt": "1:1"}\n{"at": 2.0, "num')
    assert calls_in(log) == [Invite(1.5, "1", "c", "1:1")]
