"""The far end of a whole campaign: a SIP phone for any number, in a process of its own, that writes down every call.

    python -m tests.campaign.crash.sink --bind 127.0.0.1 --port 5070 --log calls.jsonl

Its log is the truth about double dials: one line for each distinct INVITE, on disk before anything is answered. What
SIP sends twice over UDP (the same Call-ID and CSeq) is one call. How a number behaves is told by its last digit
(`BEHAVIOURS`), so that nobody needs a table. No sound: it answers with SDP, and nobody listens at the port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.sip.scripts import Message

ATTEMPT = "x-voicebot-attempt"
_T1_S = 0.5  # RFC 3261 §17.1.1.1: first interval of a retransmission, doubled each time
_SENT_AT_MOST = 7  # 64·T1 in all would be 32 s; a robot that was killed answers nothing
_DEAD_RTP_PORT = 9


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a number does. `code`: its final answer; `ring_s`: 180 first, for so long; `talk_s`: BYE after that."""

    code: int
    ring_s: float = 0.0
    talk_s: float = 0.0


# By the number's last digit.
BEHAVIOURS: dict[str, Behaviour] = {
    "0": Behaviour(486),
    "1": Behaviour(404),
    "2": Behaviour(480, ring_s=0.8),
    "3": Behaviour(200, ring_s=0.1, talk_s=0.3),
    "4": Behaviour(200, ring_s=0.5, talk_s=1.5),
    "5": Behaviour(486, ring_s=0.3),
    "6": Behaviour(200, talk_s=0.3),
    "7": Behaviour(503),
    "8": Behaviour(603, ring_s=0.5),
    "9": Behaviour(200, ring_s=0.3, talk_s=3.0),
}
_REASONS = {200: "OK", 404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated"}


@dataclass(frozen=True, slots=True)
class Invite:
    """A call that arrived: when (s, UNIX time), for whom, and which attempt it says it is ("" if it does not say)."""

    at: float
    number: str
    call_id: str
    attempt: str


@dataclass(slots=True)
class _Call:
    """One call on its way. `answer`: to a repeated INVITE; `final`: the status that ended it, 0 before that."""

    invite: Message
    addr: tuple[str, int]
    tag: str
    answer: bytes = b""
    final: int = 0
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Sink(asyncio.DatagramProtocol):
    """Answers every number at one address. `open` binds it; belongs to one event loop."""

    def __init__(self, log: Path, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, 0
        self._log = log.open("a", encoding="utf-8", buffering=1)
        self._calls: dict[str, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, port: int = 0) -> Sink:
        """Bind; port 0 takes any free one."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, port))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def close(self) -> None:
        """Stop answering. Calls under way are left as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._transport.close()
        self._log.close()

    # ------------------------------------------------------------ what arrives

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One SIP message; keep-alives are empty."""
        if not data.strip():
            return
        message = Message.parse(data)
        call = self._calls.get(message.get("call-id"))
        if message.code:
            if call is not None and message.method == "BYE" and message.code >= 200:
                call.over.set()
            return
        match message.method:
            case "INVITE" if call is None:
                self._arrived(message, addr)
            case "INVITE" if call is not None and message.get("cseq") == call.invite.get("cseq"):
                self._send(call.answer, call.addr)
            case "INVITE":
                self._send(_response(message, 488, "Not Acceptable Here", "x"), addr)
            case "ACK" if call is not None:
                call.acked.set()
            case "CANCEL" if call is not None:
                self._send(_response(message, 200, "OK", call.tag), addr)
                if not call.final:
                    self._later(self._finish(call, 487))
            case "BYE" if call is not None:
                self._send(_response(message, 200, "OK", call.tag), addr)
                call.over.set()
            case "ACK":
                pass
            case "BYE" | "CANCEL":
                self._send(_response(message, 481, "Call/Transaction Does Not Exist", "x"), addr)
            case _:
                self._send(_response(message, 200, "OK", "x"), addr)

    def _arrived(self, message: Message, addr: tuple[str, int]) -> None:
        target = re.match(r"INVITE sip:([^@;>\s]+)@", message.first)
        number = target[1] if target else ""
        call_id = message.get("call-id")
        invite = {"at": time.time(), "number": number, "call_id": call_id, "attempt": message.get(ATTEMPT)}
        self._log.write(json.dumps(invite) + "\n")
        os.fsync(self._log.fileno())
        call = self._calls[call_id] = _Call(message, addr, f"sink{len(self._calls)}")
        self._say(call, 100, "Trying")
        self._later(self._behave(call, BEHAVIOURS[number[-1]] if number[-1:].isdigit() else Behaviour(404)))

    # ------------------------------------------------------------ what a call does

    async def _behave(self, call: _Call, behaviour: Behaviour) -> None:
        if behaviour.ring_s:
            self._say(call, 180, "Ringing")
            await asyncio.sleep(behaviour.ring_s)
        if call.final:  # cancelled meanwhile
            return
        await self._finish(call, behaviour.code)
        if behaviour.code == 200 and call.acked.is_set():
            try:
                await asyncio.wait_for(call.over.wait(), behaviour.talk_s)
            except TimeoutError:
                await self._repeat(self._bye(call), call.addr, call.over)

    async def _finish(self, call: _Call, code: int) -> None:
        """Answer for good, again and again until the far end confirms it."""
        call.final = code
        self._say(call, code, _REASONS.get(code, "No"), body=self._sdp() if code == 200 else "")
        await self._repeat(call.answer, call.addr, call.acked, sent=1)

    async def _repeat(self, message: bytes, addr: tuple[str, int], until: asyncio.Event, *, sent: int = 0) -> None:
        if not sent:
            self._send(message, addr)
        for n in range(_SENT_AT_MOST - 1):
            try:
                return await _within(until, _T1_S * min(2**n, 8))
            except TimeoutError:
                self._send(message, addr)
        return None

    def _say(self, call: _Call, code: int, reason: str, *, body: str = "") -> None:
        contact = f"Contact: <sip:sink@{self.host}:{self.port}>"
        call.answer = _response(call.invite, code, reason, call.tag, headers=(contact,), body=body)
        self._send(call.answer, call.addr)

    def _bye(self, call: _Call) -> bytes:
        target = re.search(r"<([^>]+)>", call.invite.get("contact"))
        lines = [
            f"BYE {target[1] if target else call.invite.get('contact')} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{call.tag}bye",
            f"From: {call.invite.get('to')};tag={call.tag}",
            f"To: {call.invite.get('from')}",
            f"Call-ID: {call.invite.get('call-id')}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _sdp(self) -> str:
        return (
            f"v=0\r\no=sink 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {_DEAD_RTP_PORT} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )

    def _send(self, message: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(message, addr)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _within(event: asyncio.Event, seconds: float) -> None:
    await asyncio.wait_for(event.wait(), seconds)


def _response(
    request: Message, code: int, reason: str, tag: str, *, headers: Sequence[str] = (), body: str = ""
) -> bytes:
    to = request.get("to")
    lines = [f"SIP/2.0 {code} {reason}", *(f"Via: {via}" for via in request.all("via"))]
    lines += [f"Record-Route: {route}" for route in request.all("record-route")]
    lines += [f"From: {request.get('from')}", f"To: {to}" if code == 100 or ";tag=" in to else f"To: {to};tag={tag}"]
    lines += [f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}", *headers]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def calls_in(log: Path) -> list[Invite]:
    """What arrived so far, in order. A line that is only half there (the sink was killed) is left out."""
    text = log.read_text("utf-8") if log.exists() else ""
    return [Invite(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]


async def _run(host: str, port: int, log: Path) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sink = await Sink(log, host).open(port)
    print(sink.port, flush=True)  # noqa: T201 - whoever started it wants to know
    await stopped.wait()
    await sink.close()


def main() -> None:
    """The process: prints its port, ends by SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(_run(given.bind, given.port, given.log))


if __name__ == "__main__":
    main()
