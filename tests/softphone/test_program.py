"""The whole softphone: on the telephone in memory, and as a process answering real SIP."""

import asyncio
import contextlib
import json
import signal
import sys
import wave

import numpy as np
import pytest

from sip import pjsua
from sip.line import Answered, Cause, Dtmf, Ending, Ringing, SipFault, TrunkOptions
from sip.loopback import Network
from tts.scripted import ScriptedVoice
from voicebot.softphone.board import Board
from voicebot.softphone.fault import SoftphoneFault
from voicebot.softphone.persona import Persona
from voicebot.softphone.program import Options, run
from voicebot.softphone.replies import level_dbfs

TONE = (np.sin(np.arange(8000) * 2 * np.pi * 300 / 8000) * 6000).astype("<i2").tobytes()  # 1 s of "robot"


def persona(tmp_path, **settings):
    given = {"name": "test", "folder": tmp_path, "about": "x", "expect": "will_do", "answer": {"ring_ms": 40}}
    return Persona.model_validate({**given, "hearing": {"pause_ms": 300}, **settings})


def board_of(spec):
    return spec if isinstance(spec, Board) else Board.of(spec)


class Phone:
    """A softphone on a network in memory, with what it told."""

    def __init__(self, network, spec, options, capsys):
        self.network = network
        self.capsys = capsys
        self.told = []
        self.task = asyncio.create_task(
            run(board_of(spec), options, open_trunk=network.open_trunk, voice=ScriptedVoice())
        )

    async def until(self, event):
        while True:
            self.told += [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
            if found := [told for told in self.told if told["event"] == event]:
                return found[-1]
            if self.task.done():
                self.task.result()
                raise AssertionError(f"ended without {event}: {self.told}")
            await asyncio.sleep(0.01)

    @property
    def events(self):
        return [told["event"] for told in self.told if told["event"] != "robot_turn"]


@pytest.fixture
async def phone(capsys):
    network = Network()
    clock = asyncio.create_task(network.run())
    phones = []

    def start(spec, **options):
        phones.append(Phone(network, spec, Options(json=True, **options), capsys))
        return phones[-1]

    yield start
    for each in phones:
        each.task.cancel()
    await asyncio.gather(*(each.task for each in phones), return_exceptions=True)
    clock.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await clock


async def follow(line, on_answer=None):
    """All events of a line."""
    events = []
    async for event in line.events():
        events.append(event)
        if isinstance(event, Answered) and on_answer is not None:
            on_answer()
    return events


def heard(line):
    """Everything the robot's end heard, once the line ended."""
    frames = []
    while (batch := line.frames.get(0.1)) is not None:
        frames += batch
    return b"".join(frame.rx for frame in frames)


async def test_a_call_from_ready_to_saved(phone, tmp_path):
    spec = persona(tmp_path, turns=[{"say": "对"}, {"press": 1}], then="hang_up", voice={"noise_dbfs": -50})
    callee = phone(spec, calls=1, save=tmp_path / "call.wav")
    ready = await callee.until("ready")
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial(ready["uri"])

    def speak():
        for _ in range(2):
            line.play(TONE + bytes(2 * 8000))

    events = await follow(line, speak)
    await callee.task
    await callee.until("saved")
    assert [type(event) for event in events] == [Ringing, Answered, Dtmf, Ending]
    assert events[-1].cause is Cause.COMPLETED
    assert events[-1].by_far_end
    assert callee.events == [
        "ready",
        "incoming",
        "ringing",
        "answered",
        "says",
        "presses",
        "hangs_up",
        "ended",
        "saved",
    ]
    says = next(told for told in callee.told if told["event"] == "says")
    assert says["text"] == "对"
    assert 1300 <= says["at_ms"] <= 1600
    sound = heard(line)
    assert level_dbfs(sound[:8000]) == pytest.approx(-50, abs=2)  # noise from the beginning on
    assert max(level_dbfs(sound[at : at + 1600]) for at in range(0, len(sound) - 1600, 1600)) > -30  # and the line
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert level_dbfs(both[:7000, 0].tobytes()) > -20
    assert level_dbfs(both[:7000, 1].tobytes()) == pytest.approx(-50, abs=2)


@pytest.mark.parametrize(("code", "cause"), [(486, Cause.BUSY), (603, Cause.REJECTED), (404, Cause.WRONG_NUMBER)])
async def test_it_rejects_with_any_status(phone, tmp_path, code, cause):
    callee = phone(persona(tmp_path, answer={"ring_ms": 20, "reject": code}), calls=1)
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"])
    events = await follow(line)
    assert [type(event) for event in events] == [Ringing, Ending]
    assert (events[-1].cause, events[-1].code) == (cause, code)
    await callee.task


async def test_a_rejection_at_once_comes_without_ringing(phone, tmp_path):
    callee = phone(persona(tmp_path, answer={"ring_ms": 0, "reject": 503}), calls=1)
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"])
    assert [type(event) for event in await follow(line)] == [Ending]
    await callee.task
    await callee.until("ended")
    assert "ringing" not in callee.events


async def test_it_never_answers(phone, tmp_path):
    callee = phone(persona(tmp_path, answer={"never": True}), calls=1)
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"], ring_timeout_s=0.5)
    assert (await follow(line))[-1].cause is Cause.NO_ANSWER
    await callee.task
    assert (await callee.until("ended"))["by_far_end"] is True


async def test_an_announcement_before_the_rejection_is_heard(phone, tmp_path):
    answer = {"ring_ms": 0, "reject": 404, "early_media": [{"tone": "empty_number", "for_ms": 300}, {"say": "空号"}]}
    callee = phone(persona(tmp_path, answer=answer), calls=1)
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"])
    events = await follow(line)
    assert events[0] == Ringing(183, early_media=True)
    assert events[-1].code == 404
    assert level_dbfs(heard(line)[: 2 * 800]) > -25
    await callee.task


async def test_a_caller_who_gives_up_while_it_rings(phone, tmp_path):
    callee = phone(persona(tmp_path, answer={"ring_ms": 60_000}), calls=1)
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"])
    await callee.until("ringing")
    await line.hang_up()
    await callee.task
    assert (await callee.until("ended"))["cause"] == "cancelled"


async def test_calls_at_once_and_one_too_many(phone, tmp_path):
    callee = phone(persona(tmp_path), calls=2, save=tmp_path / "call.wav")
    uri = (await callee.until("ready"))["uri"]
    robot = await callee.network.open_trunk(TrunkOptions())
    first, second, third = [await robot.dial(uri) for _ in range(3)]
    assert (await follow(third))[-1].cause is Cause.BUSY
    for line in (first, second):
        async for event in line.events():
            if isinstance(event, Answered):
                break
    await asyncio.sleep(0.1)
    for line in (first, second):
        await line.hang_up()
    await callee.task
    assert (tmp_path / "call.wav").exists()
    assert (tmp_path / "call-2.wav").exists()


async def test_a_recording_that_cannot_be_written_is_told(phone, tmp_path):
    (tmp_path / "call.wav").mkdir()
    callee = phone(persona(tmp_path), calls=1, save=tmp_path / "call.wav")
    robot = await callee.network.open_trunk(TrunkOptions())
    line = await robot.dial((await callee.until("ready"))["uri"])
    await callee.until("answered")
    await asyncio.sleep(0.1)
    await line.hang_up()
    await callee.task
    assert "directory" in (await callee.until("not_saved"))["reason"]


async def test_no_folder_for_the_recording_is_refused_at_once(tmp_path):
    with pytest.raises(SoftphoneFault, match="no folder that can be written"):
        await run(Board.of(persona(tmp_path)), Options(save=tmp_path / "no" / "call.wav"))


async def test_a_port_in_use_is_a_fault(phone, tmp_path):
    callee = phone(persona(tmp_path))
    port = (await callee.until("ready"))["port"]
    with pytest.raises(SipFault, match="in use"):
        await run(
            Board.of(persona(tmp_path)), Options(port=port), open_trunk=callee.network.open_trunk, voice=ScriptedVoice()
        )


async def test_each_number_has_its_own_callee_and_each_call_its_turn(phone, tmp_path):
    busy = persona(tmp_path, name="busy", answer={"ring_ms": 20, "reject": 486})
    away = persona(tmp_path, name="away", answer={"ring_ms": 20, "reject": 480})
    callee = phone(Board("board", (away,), {"+8616200000001": (busy, persona(tmp_path))}), calls=4)
    port = (await callee.until("ready"))["port"]
    robot = await callee.network.open_trunk(TrunkOptions())
    endings = []
    for number in ("16200000001", "16200000002", "+8616200000001", "16200000001"):
        line = await robot.dial(f"sip:{number}@loopback:{port}")
        endings.append((await follow(line, lambda line=line: asyncio.create_task(line.hang_up())))[-1].code)
    await callee.task
    await callee.until("ended")
    assert endings == [486, 480, 200, 200]
    told = [(told["called"], told["persona"]) for told in callee.told if told["event"] == "incoming"]
    assert told == [
        ("16200000001", "busy"),
        ("16200000002", "away"),
        ("+8616200000001", "test"),
        ("16200000001", "test"),
    ]


async def test_words_for_people(tmp_path, capsys):
    network = Network()
    clock = asyncio.create_task(network.run())
    spec = persona(tmp_path, turns=[{"after": "answer", "say": "喂"}], then="hang_up")
    task = asyncio.create_task(
        run(Board.of(spec), Options(calls=1, port=5071), open_trunk=network.open_trunk, voice=ScriptedVoice())
    )
    await asyncio.sleep(0.05)
    robot = await network.open_trunk(TrunkOptions())
    line = await robot.dial("sip:callee@loopback:5071")
    await follow(line)
    await task
    clock.cancel()
    out = capsys.readouterr().out
    assert out.startswith("test answers at sip:callee@loopback:5071")
    assert "to callee: test" in out
    assert "says: 喂" in out
    assert "{" not in out


# ---------------------------------------------------------------- real SIP

PROGRAM = """
import asyncio, sys
from pathlib import Path
from voicebot.softphone.board import Board, load_board
from voicebot.softphone.persona import load
from voicebot.softphone.program import Options, run
file = Path(sys.argv[1])
board = load_board(file) if file.stem == "board" else Board.of(load(file))
asyncio.run(run(board, Options(json=True, calls=int(sys.argv[2]))))
"""


@contextlib.asynccontextmanager
async def process(file, calls):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(file), str(calls), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            ready = json.loads(await child.stdout.readline())
        assert ready["event"] == "ready"
        yield child, ready["uri"]
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@pytest.mark.sip
async def test_real_calls_to_a_process(tmp_path):
    """Early media, the answer, a spoken reply to the robot's turn, a key, the end; then SIGTERM in the next call."""
    file = tmp_path / "callee.yaml"
    file.write_text(
        "about: x\nexpect: will_do\nhearing: {pause_ms: 400}\nthen: hang_up\n"
        "answer: {ring_ms: 300, early_media: [{tone: ringback, for_ms: 600}]}\n"
        "turns:\n  - say: 我明天转二十万进去。\n  - {after: line, press: 1}\n",
        encoding="utf-8",
    )
    trunk = await pjsua.open_trunk(TrunkOptions())
    try:
        async with process(file, 0) as (child, uri):
            async with asyncio.timeout(30):
                line = await trunk.dial(uri)
                events = await follow(line, lambda: line.play(TONE))
            assert [type(event) for event in events] == [Ringing, Answered, Dtmf, Ending]
            assert events[0].early_media
            assert events[-1].by_far_end
            sound = heard(line)
            loud = [level_dbfs(sound[at : at + 320]) > -35 for at in range(0, len(sound) - 320, 320)]
            assert 0.8 < sum(loud) * 0.02 < 4.0
            line = await trunk.dial(uri)
            async with asyncio.timeout(15):
                events = await follow(line, lambda: child.send_signal(signal.SIGTERM))
                assert events[-1].cause is Cause.COMPLETED
                assert events[-1].by_far_end
                rest = (await child.stdout.read()).decode().splitlines()
                assert await child.wait() == 0
            told = [json.loads(row)["event"] for row in rest]
            first = ["incoming", "ringing", "answered", "robot_turn", "says", "presses", "hangs_up", "ended"]
            assert told[:10] == [*first, "incoming", "ringing"]  # the signal may overtake the caller's ACK
    finally:
        await trunk.close()


@pytest.mark.sip
async def test_a_busy_process_ends_after_its_calls(tmp_path):
    file = tmp_path / "busy.yaml"
    file.write_text("about: x\nexpect: busy\nanswer: {ring_ms: 50, reject: 486}\n", encoding="utf-8")
    trunk = await pjsua.open_trunk(TrunkOptions())
    try:
        async with process(file, 2) as (child, uri), asyncio.timeout(30):
            for _ in range(2):
                line = await trunk.dial(uri)
                assert (await follow(line))[-1].code == 486
            await child.stdout.read()
            assert await child.wait() == 0
    finally:
        await trunk.close()


@pytest.mark.sip
async def test_a_process_with_a_board(tmp_path):
    """Four numbers called at once, each with an ending of its own; then the one that was busy answers."""
    (tmp_path / "hears.yaml").write_text("about: x\nexpect: silent\nanswer: {ring_ms: 50}\n", encoding="utf-8")
    file = tmp_path / "board.yaml"
    file.write_text(
        "numbers:\n  16200000001: [{reject: 486, ring_ms: 50}, hears.yaml]\n"
        "  16200000002: {reject: 503, ring_ms: 50}\n  16200000003: {never: true}\n"
        "otherwise: {reject: 404, ring_ms: 50}\n",
        encoding="utf-8",
    )
    trunk = await pjsua.open_trunk(TrunkOptions())

    async def code(uri: str, number: str) -> int:
        line = await trunk.dial(uri.replace("callee", number), ring_timeout_s=2)
        return (await follow(line, lambda: asyncio.create_task(line.hang_up())))[-1].code

    try:
        async with process(file, 5) as (child, uri), asyncio.timeout(30):
            numbers = ["16200000001", "+8616200000002", "16200000003", "reception"]
            assert await asyncio.gather(*(code(uri, number) for number in numbers)) == [486, 503, 487, 404]
            assert await code(uri, "+8616200000001") == 200
            told = [json.loads(row) for row in (await child.stdout.read()).decode().splitlines()]
            assert await child.wait() == 0
    finally:
        await trunk.close()
    called = {(row["called"], row["persona"]) for row in told if row["event"] == "incoming"}
    assert called == {
        ("16200000001", "rejects_486"),
        ("+8616200000002", "rejects_503"),
        ("16200000003", "never_answers"),
        ("reception", "rejects_404"),
        ("+8616200000001", "hears"),
    }


@pytest.mark.sip
async def test_a_process_whose_reader_is_gone_ends(tmp_path):
    """Otherwise a parent that dies would leave softphones behind."""
    file = tmp_path / "callee.yaml"
    file.write_text("about: x\nexpect: silent\nanswer: {ring_ms: 50}\n", encoding="utf-8")
    trunk = await pjsua.open_trunk(TrunkOptions())
    try:
        async with process(file, 0) as (child, uri), asyncio.timeout(30):
            child._transport.get_pipe_transport(1).close()
            line = await trunk.dial(uri)
            assert isinstance((await follow(line))[-1], Ending)
            assert await child.wait() == 0
    finally:
        await trunk.close()
