"""A scripted SIP phone and registrar in asyncio over UDP: for far ends that misbehave on purpose. Test-only.

A script is an async function of a `Dialog`; it runs once for every INVITE that arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

RATE = 8000
SAMPLES = 160

Script = Callable[["Dialog"], Awaitable[None]]


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> bytes:
    """s16le at 8000 Hz."""
    t = np.arange(int(RATE * seconds)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype("<i2").tobytes()


def strength(pcm: bytes, hertz: float) -> float:
    """Amplitude of one frequency in s16le at 8000 Hz."""
    x = np.frombuffer(pcm, "<i2").astype(float)
    if not len(x):
        return 0.0
    return float(2 * abs(np.dot(x, np.exp(-2j * np.pi * hertz * np.arange(len(x)) / RATE))) / len(x))


def _alaw_table() -> np.ndarray:
    """ITU-T G.711 A-law: the 16-bit value of every code."""
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, size, -size)


_ALAW = _alaw_table()
_ORDER = np.argsort(_ALAW)


def alaw_decode(data: bytes) -> bytes:
    return _ALAW[np.frombuffer(data, np.uint8)].astype("<i2").tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    x = np.frombuffer(pcm, "<i2").astype(int)
    values = _ALAW[_ORDER]
    middles = (values[1:] + values[:-1]) / 2
    return _ORDER[np.searchsorted(middles, x)].astype(np.uint8).tobytes()


@dataclass
class Message:
    """One SIP request or response."""

    first: str
    headers: list[tuple[str, str]]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        return cls(first, [(name.strip().lower(), value.strip()) for name, value in pairs], body)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name: str) -> str:
        return (self.all(name) or [""])[0]

    @property
    def method(self) -> str:
        return self.get("cseq").split()[1]

    @property
    def code(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0


@dataclass
class Digest:
    """Checks a digest answer as RFC 2617 says; `header` is what it arrives in."""

    user: str
    password: str
    realm: str = "test"
    nonce: str = "abcdef0123456789"

    def challenge(self) -> str:
        return f'Digest realm="{self.realm}", nonce="{self.nonce}", algorithm=MD5, qop="auth"'

    def accepts(self, message: Message, header: str) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', message.get(header)))
        if not given or given.get("username") != self.user or given.get("nonce") != self.nonce:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = md5(f"{self.user}:{self.realm}:{self.password}")
        request = md5(f"{message.method}:{given['uri']}")
        middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        return given["response"] == md5(f"{secret}:{middle}:{request}")


class Rtp(asyncio.DatagramProtocol):
    """One RTP socket: collects what arrives, streams A-law when told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int, bytes]] = []  # arrival (s), payload type, payload
        self.port = 0
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data[1] & 0x7F, data[12:]))

    def pcm(self) -> bytes:
        """What was heard as A-law, decoded."""
        return alaw_decode(b"".join(payload for _, kind, payload in self.heard if kind == 8))

    def stream(self, to: tuple[str, int], pcm: bytes, loop_forever: bool = True) -> None:
        self._sending = asyncio.ensure_future(self._stream(to, alaw_encode(pcm), loop_forever))

    async def _stream(self, to: tuple[str, int], coded: bytes, loop_forever: bool) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        frames = [coded[i : i + SAMPLES] for i in range(0, len(coded) - SAMPLES + 1, SAMPLES)]
        for n, frame in enumerate(itertools.cycle(frames) if loop_forever else frames):
            header = struct.pack("!BBHII", 0x80, 8, n & 0xFFFF, n * SAMPLES, 0x1234)
            self.transport.sendto(header + frame, to)
            await asyncio.sleep(max(0.0, start + (n + 1) * 0.02 - loop.time()))

    def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self.transport.close()


class Dialog:
    """The called side of one call."""

    def __init__(self, phone: Phone, invite: Message, addr: tuple[str, int], rtp: Rtp) -> None:
        self.phone, self.invite, self.addr, self.rtp = phone, invite, addr, rtp
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.tag = f"t{id(self):x}"
        self.cseq = 0
        self.version = 1

    @property
    def far_rtp(self) -> tuple[str, int]:
        host = re.search(r"c=IN IP4 (\S+)", self.invite.body)
        port = re.search(r"m=audio (\d+)", self.invite.body)
        assert host and port
        return host[1], int(port[1])

    def sdp(self, direction: str = "sendrecv", payloads: str = "8 101") -> str:
        self.version += 1
        return (
            f"v=0\r\no=t 1 {self.version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} RTP/AVP {payloads}\r\na=rtpmap:101 telephone-event/8000\r\n"
            f"a=fmtp:101 0-15\r\na={direction}\r\n"
        )

    def respond(
        self, code: int, reason: str = "x", *, body: str = "", headers: tuple[str, ...] = (), to: Message | None = None
    ) -> None:
        request = to or self.invite
        lines = [f"SIP/2.0 {code} {reason}", *(f"Via: {via}" for via in request.all("via"))]
        tag = "" if code == 100 or ";tag=" in request.get("to") else f";tag={self.tag}"
        lines += [f"From: {request.get('from')}", f"To: {request.get('to')}{tag}"]
        lines += [f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}"]
        self._send(lines, headers, body)

    def request(self, method: str, *, body: str = "", headers: tuple[str, ...] = (), cseq: int = 0) -> None:
        """Send a request within the dialog (ACK with the CSeq of its INVITE)."""
        if not cseq:
            self.cseq += 1
        target = re.search(r"<([^>]+)>", self.invite.get("contact"))
        assert target
        lines = [f"{method} {target[1]} SIP/2.0", f"Via: SIP/2.0/UDP {self.phone.host}:{self.phone.port}"]
        lines[-1] += f";branch=z9hG4bK{self.tag}{method}{cseq or self.cseq}"
        lines += [f"From: {self.invite.get('to')};tag={self.tag}", f"To: {self.invite.get('from')}"]
        lines += [f"Call-ID: {self.invite.get('call-id')}", f"CSeq: {cseq or self.cseq} {method}", "Max-Forwards: 70"]
        self._send(lines, headers, body)

    async def expect(self, method: str, code: int = 0, patience_s: float = 10) -> Message:
        """The next request (`code` 0) or final response of this method; others are passed over."""
        while True:
            message = await asyncio.wait_for(self.inbox.get(), patience_s)
            if message.method == method and (message.code == 0 if not code else message.code >= 200):
                assert not code or message.code == code, message.first
                return message

    async def answer(self, **sdp: str) -> None:
        self.respond(200, "OK", body=self.sdp(**sdp))
        await self.expect("ACK")

    async def reinvite(self, direction: str) -> None:
        self.request("INVITE", body=self.sdp(direction))
        await self.expect("INVITE", 200)
        self.request("ACK", cseq=self.cseq)

    async def hang_up(self) -> None:
        self.request("BYE")
        await self.expect("BYE", 200)

    async def wait_bye(self, patience_s: float = 10) -> None:
        self.respond(200, "OK", to=await self.expect("BYE", patience_s=patience_s))

    def _send(self, lines: list[str], headers: tuple[str, ...], body: str) -> None:
        lines = [*lines, f"Contact: <sip:t@{self.phone.host}:{self.phone.port}>", *headers]
        if body:
            kind = "application/dtmf-relay" if body.startswith("Signal") else "application/sdp"
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body)}")
        self.phone.transport.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.addr)


@dataclass
class Phone(asyncio.DatagramProtocol):
    """Listens on a free port and runs `script` for each call; registers whom `registrar` accepts."""

    script: Script | None = None
    registrar: Digest | None = None
    dialogs: list[Dialog] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)  # Contact headers accepted
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        self._by_call: dict[str, Dialog] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> Phone:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    @property
    def uri(self) -> str:
        return f"sip:phone@{self.host}:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.strip():
            return
        message = Message.parse(data)
        if message.first.startswith("REGISTER"):
            self._register(message, addr)
            return
        known = self._by_call.get(message.get("call-id"))
        if known is not None:
            known.inbox.put_nowait(message)
        elif message.first.startswith("INVITE"):
            self._by_call[message.get("call-id")] = dialog = Dialog(self, message, addr, Rtp())
            self.dialogs.append(dialog)
            self._tasks.append(asyncio.ensure_future(self._run(dialog)))

    async def _run(self, dialog: Dialog) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: dialog.rtp, local_addr=(self.host, 0))
        try:
            if self.script is not None:
                await self.script(dialog)
        finally:
            dialog.rtp.close()

    def _register(self, message: Message, addr: tuple[str, int]) -> None:
        dialog = Dialog(self, message, addr, Rtp())
        assert self.registrar is not None
        if not message.get("authorization"):
            dialog.respond(401, "Unauthorized", headers=(f"WWW-Authenticate: {self.registrar.challenge()}",))
        elif not self.registrar.accepts(message, "authorization"):
            dialog.respond(403, "Forbidden")
        else:
            self.registered.append(f"{message.get('contact')} expires={message.get('expires')}")
            dialog.respond(200, "OK", headers=(f"Expires: {message.get('expires')}",))

    async def close(self) -> None:
        """Let the scripts end (2 s at most) and fail the test if one did not come to its end."""
        _, unfinished = await asyncio.wait(self._tasks, timeout=2) if self._tasks else ((), ())
        self.transport.close()
        for task in unfinished:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        assert not unfinished, "a script waits for what never came"
