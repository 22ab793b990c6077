"""One utterance's way through a recogniser that is a server: a WebSocket of its own, made again when it breaks.

The conversations of a process share one event loop on one thread; the call's listener thread only appends audio and
looks at what has come. An utterance has a connection of its own, so nothing that a server says late can end up in
another utterance.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from voicebot.asr.recognizer import AsrFault, Word

SAMPLE_RATE = 16000  # of what goes out, in Hz; s16le, mono
_BYTES_A_MS = 2 * SAMPLE_RATE // 1000
_LOOK_S = 0.1  # how often a conversation in which nothing comes looks at its patience

# Connections, pings and broken sockets are told by our own faults; websockets' log would repeat what was said.
log = logging.getLogger(__name__)
_SILENT = logging.getLogger(__name__ + ".websockets")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, in s.

    `connect_s`: for a connection and its greeting. `answer_s`: for any message while one is owed (after the end of the
    utterance; for a server that answers every block also before). `lost_s`: from the moment a connection broke until a
    new one has to stand; meanwhile it is tried again after `retry_s`, then twice as long each time, at most 1 s. A
    connection that held for `steady_s` begins a new count. `finish_s`: for a final, everything included. `ping_s`: how
    often the line is tried, and how long an answer may take.
    """

    connect_s: float = 2.0
    answer_s: float = 3.0
    lost_s: float = 4.0
    retry_s: float = 0.1
    steady_s: float = 5.0
    finish_s: float = 4.0
    ping_s: float = 5.0


class NonsenseError(Exception):
    """The server said something that is not its protocol."""


class Answers(Protocol):
    """What a server has said so far on one connection.

    `ready`: it is greeted; `answered`: blocks of audio it has answered; `text`: heard so far; `words`: with ms from the
    utterance's first sample; `done`: its last word is said.
    """

    ready: bool
    answered: int
    text: str
    words: tuple[Word, ...]
    done: bool

    def take(self, message: Mapping[str, Any], *, ended: bool) -> None:
        """Follow one message; `ended`: the end of the utterance was sent. Raises `NonsenseError`."""
        ...


class Dialect(Protocol):
    """A protocol spoken over WebSocket. `block_ms`: how much audio a message carries; `greets`: whether it answers the
    opening; `answers_blocks`: whether it answers every block of audio.
    """

    engine: ClassVar[str]
    block_ms: ClassVar[int]
    greets: ClassVar[bool]
    answers_blocks: ClassVar[bool]

    def opening(self, name: str) -> str:
        """The first message of the utterance `name`."""
        ...

    def ending(self, name: str) -> str:
        """The message that asks for the final."""
        ...

    def answers(self, name: str) -> Answers:
        """For a new connection."""
        ...


class Utterance:
    """A stretch of speech on its way to a server and back.

    `name` tells it apart from others; `begin_ms` is where its first sample lies on the recogniser's clock. The listener
    thread calls `push`, `end`, `wait`; the conversation calls the rest.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.begin_ms = self.onset_ms = self.loud_ms = 0
        self.text = ""
        self.words: tuple[Word, ...] = ()
        self.done = False
        self.ready = False
        self.ended = False
        self.fault: AsrFault | None = None
        self.connections = 0
        self.connected_at = 0.0  # when the last connection was begun, on time.monotonic
        self._audio = bytearray()  # all of it: after a broken connection it is said again
        self._sent = self._answered = 0  # bytes
        self._changed = threading.Condition()
        self.wake = asyncio.Event()
        self.task: Future[None] | None = None

    def push(self, pcm: bytes) -> None:
        """More audio, s16le 16000 Hz."""
        with self._changed:
            self._audio += pcm

    def end(self) -> None:
        """No more audio comes."""
        with self._changed:
            self.ended = True

    def wait(self, timeout_s: float, *, ready: bool = False) -> bool:
        """Until it is done (or its connection stands), at most so long; whether it is so. A fault ends the wait."""
        with self._changed:
            self._changed.wait_for(lambda: self.fault or self.done or (ready and self.ready), max(0.0, timeout_s))
            return self.done or (ready and self.ready)

    @property
    def lag_ms(self) -> int:
        """Audio that the server has not taken yet (or not answered, where it answers every block)."""
        with self._changed:
            return (len(self._audio) - self._answered) // _BYTES_A_MS

    def begin_again(self) -> None:
        """A new connection: everything is sent from the start."""
        with self._changed:
            self.connections += 1
            self.connected_at = time.monotonic()
            self._sent = self._answered = 0

    def stand(self) -> None:
        """The connection stands."""
        with self._changed:
            self.ready = True
            self._changed.notify_all()

    def next_block(self, size: int) -> bytes | None:
        """The next `size` bytes to send, fewer at the end, None when there are not so many yet, b"" after the last."""
        with self._changed:
            left = len(self._audio) - self._sent
            if left < size and not self.ended:
                return None
            block = bytes(self._audio[self._sent : self._sent + size])
            self._sent += len(block)
            return block

    def follow(self, answers: Answers, answered: int) -> None:
        """What has come. `answered`: bytes."""
        with self._changed:
            self.text, self.words, self.done = answers.text, answers.words, answers.done
            self._answered = min(answered, self._sent)
            self._changed.notify_all()

    def fail(self, fault: AsrFault) -> None:
        """It will never be done."""
        with self._changed:
            self.fault = fault
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Link:
    """How to talk to one server. `shown`: its address without anything secret, for messages."""

    dialect: Dialect
    url: str
    shown: str
    patience: Patience = field(default_factory=Patience)

    def start(self, utterance: Utterance) -> None:
        """Begin the conversation in the background."""
        utterance.task = asyncio.run_coroutine_threadsafe(_converse(self, utterance), _loop())

    @staticmethod
    def wake(utterance: Utterance) -> None:
        """There is something new to send."""
        _loop().call_soon_threadsafe(utterance.wake.set)

    @staticmethod
    def drop(utterance: Utterance) -> None:
        """End the conversation, whatever it is doing; returns at once."""
        if utterance.task is not None:
            utterance.task.cancel()


# ---------------------------------------------------------------- the thread

_running: tuple[int, asyncio.AbstractEventLoop] | None = None
_starting = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of this process (a fork gets one of its own)."""
    global _running
    with _starting:
        if _running is None or _running[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="asr-servers", daemon=True).start()
            _running = (os.getpid(), loop)
        return _running[1]


# ---------------------------------------------------------------- the conversation


async def _converse(link: Link, utterance: Utterance) -> None:
    """Talk until the utterance is done or the server counts as gone. Never raises but when it is cancelled."""
    patience = link.patience
    lost_since: float | None = None
    tried = 0
    while True:
        began = time.monotonic()
        try:
            await _one_connection(link, utterance)
            return
        except (OSError, TimeoutError, WebSocketException, NonsenseError) as error:
            fault = _fault(link, error)
        except Exception as error:  # a fault of ours must not leave a call waiting
            log.exception("asr conversation failed")
            utterance.fail(AsrFault(f"{link.dialect.engine} at {link.shown}: {type(error).__name__}"))
            return
        now = time.monotonic()
        if lost_since is None or now - began > patience.steady_s:
            lost_since, tried = now, 0
        else:
            tried += 1
        wait_s = min(1.0, patience.retry_s * 2**tried)
        refused = fault.permanent and not utterance.ready  # it never worked: mending helps, waiting does not
        if refused or now + wait_s - lost_since >= patience.lost_s:
            utterance.fail(fault)
            return
        log.warning("asr server lost, trying again: %s", fault)
        await asyncio.sleep(wait_s)


async def _one_connection(link: Link, utterance: Utterance) -> None:
    dialect, patience = link.dialect, link.patience
    answers = dialect.answers(utterance.name)
    utterance.begin_again()
    async with asyncio.timeout(patience.connect_s):
        socket = await connect(
            link.url, open_timeout=None, close_timeout=1, ping_interval=patience.ping_s, ping_timeout=patience.ping_s,
            compression=None, proxy=None, max_size=2**20, logger=_SILENT,
        )  # fmt: skip
    try:
        async with asyncio.timeout(patience.connect_s):
            await socket.send(dialect.opening(utterance.name))
            while dialect.greets and not answers.ready:
                answers.take(_parsed(await socket.recv()), ended=False)
        utterance.stand()
        await _exchange(link, utterance, socket, answers)
    finally:
        await socket.close()


async def _exchange(link: Link, utterance: Utterance, socket: ClientConnection, answers: Answers) -> None:
    """Send what comes and take what is answered, until the last word."""
    sizes: list[int] = []  # bytes sent up to each block
    ended = asyncio.Event()
    sender = asyncio.create_task(_send(link, utterance, socket, sizes, ended))
    patience, owing = link.patience, False
    heard_at = time.monotonic()
    try:
        while not answers.done:
            if sender.done():
                sender.result()
            if not owing:
                heard_at = time.monotonic()
            owing = ended.is_set() or (link.dialect.answers_blocks and len(sizes) > answers.answered)
            try:
                async with asyncio.timeout(_LOOK_S):
                    message = await socket.recv()
            except TimeoutError:
                if owing and time.monotonic() - heard_at > patience.answer_s:
                    raise TimeoutError(f"no answer for {patience.answer_s:g} s") from None
                if not link.dialect.answers_blocks and sizes:
                    utterance.follow(answers, sizes[-1])
                continue
            heard_at = time.monotonic()
            answers.take(_parsed(message), ended=ended.is_set())
            count = min(answers.answered, len(sizes)) if link.dialect.answers_blocks else len(sizes)
            utterance.follow(answers, sizes[count - 1] if count else 0)
    finally:
        sender.cancel()


async def _send(
    link: Link, utterance: Utterance, socket: ClientConnection, sizes: list[int], ended: asyncio.Event
) -> None:
    size = link.dialect.block_ms * _BYTES_A_MS
    while True:
        utterance.wake.clear()
        block = utterance.next_block(size)
        if block is None:
            await utterance.wake.wait()
        elif block:
            sizes.append((sizes[-1] if sizes else 0) + len(block))
            await socket.send(block)
        else:
            ended.set()
            await socket.send(link.dialect.ending(utterance.name))
            return


def _parsed(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise NonsenseError("it sends bytes where text is due")
    try:
        parsed = json.loads(message)
    except ValueError:
        raise NonsenseError("what it sends is no JSON") from None
    if not isinstance(parsed, dict):
        raise NonsenseError("what it sends is no JSON object")
    return parsed


def _fault(link: Link, error: Exception) -> AsrFault:
    """What went wrong, in a line that says what to do."""
    who = f"{link.dialect.engine} server at {link.shown}"
    match error:
        case NonsenseError():
            return AsrFault(f"{who}: {error}; is it really one? check VOICEBOT_ASR_MODEL", permanent=True)
        case InvalidStatus():
            status = error.response.status_code
            permanent = 400 <= status < 500
            return AsrFault(f"{who} refuses with HTTP status {status}; check the address", permanent=permanent)
        case InvalidURI():
            return AsrFault(f"{who}: no usable address; check VOICEBOT_ASR_MODEL", permanent=True)
        case ssl.SSLCertVerificationError():
            why = error.verify_message
            return AsrFault(f"{who}: its certificate is not trusted ({why}); name it in SSL_CERT_FILE", permanent=True)
        case TimeoutError():
            return AsrFault(f"{who}: {str(error) or 'no connection in time'}; is it up, and fast enough?")
        case ConnectionRefusedError():
            return AsrFault(f"{who}: nothing listens there; start it, or check VOICEBOT_ASR_MODEL")
        case OSError():
            return AsrFault(f"{who}: {error.strerror or type(error).__name__}; start it, or check VOICEBOT_ASR_MODEL")
        case _:
            return AsrFault(f"{who}: the connection broke ({type(error).__name__})")
