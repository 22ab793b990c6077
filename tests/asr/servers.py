"""Recognition servers to talk to: real WebSockets on 127.0.0.1, the two protocols as documented, troubles on demand.

What they hear comes from one of our own recognisers.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from voicebot.asr.recognizer import Ear, Recognizer, Transcript, Word
from voicebot.asr.server import ServerRecognizer


@dataclass(frozen=True)
class Trouble:
    """What goes wrong on a connection once `after` messages of audio have come: `kind` is "refuse" (HTTP status
    `value`), "close", "mute" (it says nothing more), "say" (`value` instead of every answer), "also" (`value` before
    every answer) or "slow" (`value` s for each message).
    """

    kind: str
    after: int = 0
    value: Any = None


class Hearing:
    """One of our recognisers behind 16 kHz: the text so far and the words, as a server keeps them."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self.finals: list[Transcript] = []
        self.partial = ""
        self.samples = 0
        self._resampler = soxr.ResampleStream(16000, 8000, 1, dtype="int16")

    def accept(self, pcm: bytes, *, last: bool = False) -> None:
        self.samples += len(pcm) // 2
        down = self._resampler.resample_chunk(np.frombuffer(pcm, "<i2"), last=last)
        heard = self.recognizer.accept(down.tobytes())
        if heard is not None and heard.final:
            self.finals.append(heard)
            self.partial = ""
        elif heard is not None:
            self.partial = heard.text

    def finish(self) -> None:
        self.accept(b"", last=True)
        self.finals.append(self.recognizer.finish())
        self.partial = ""

    @property
    def text(self) -> str:
        return "".join(final.text for final in self.finals) + self.partial

    @property
    def characters(self) -> list[Word]:
        """Both servers time characters."""
        return [
            Word(character, word.start_ms + i * step, word.start_ms + (i + 1) * step, 1.0)
            for final in self.finals
            for word in final.words
            for step in [(word.end_ms - word.start_ms) // len(word.text)]
            for i, character in enumerate(word.text)
        ]


class FakeServer:
    """`troubles[i]` befalls the connection number i. `openings`: the first message of every connection."""

    def __init__(self, ear: Ear, troubles: Sequence[Trouble | None] = ()) -> None:
        self.ear = ear
        self.troubles = list(troubles)
        self.openings: list[dict[str, Any]] = []
        self.heard: defaultdict[str, int] = defaultdict(int)  # bytes taken, by the utterance's name
        self.received: defaultdict[str, bytes] = defaultdict(bytes)  # on its last connection
        self.connections = 0
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    def start(self, port: int = 0) -> None:
        self._server = serve(
            self._serve, "127.0.0.1", port, process_request=self._process, compression=None, close_timeout=0.2
        )
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            assert self._thread is not None
            self._thread.join()
            self._server = None

    def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        with self._lock:
            number = self.connections
            self.connections += 1
        trouble = self.troubles[number] if number < len(self.troubles) else None
        connection.trouble = trouble  # type: ignore[attr-defined]
        connection.path_asked = request.path  # type: ignore[attr-defined]
        if trouble is not None and trouble.kind == "refuse":
            return connection.respond(trouble.value, "no\n")
        return None

    def _serve(self, socket: ServerConnection) -> None:
        recognizer = self.ear.open()
        try:
            self.talk(Line(socket, socket.trouble), Hearing(recognizer))  # type: ignore[attr-defined]
        except ConnectionClosed:
            pass
        finally:
            recognizer.close()

    def talk(self, line: Line, hearing: Hearing) -> None:
        raise NotImplementedError  # each protocol's own

    def took(self, name: str, pcm: bytes) -> None:
        self.received[name] += pcm
        self.heard[name] = len(self.received[name])

    def greet(self, opening: dict[str, Any], name: str) -> None:
        self.openings.append(opening)
        self.received[name] = b""
        self.heard[name] = 0


class Line:
    """A connection with its trouble."""

    def __init__(self, socket: ServerConnection, trouble: Trouble | None) -> None:
        self.socket = socket
        self.trouble = trouble
        self.blocks = 0

    def __iter__(self) -> Iterator[str | bytes]:
        self._strike()
        for message in self.socket:
            if isinstance(message, bytes):
                self.blocks += 1
                if self._struck and self.trouble is not None and self.trouble.kind == "slow":
                    time.sleep(self.trouble.value)
                self._strike()
            yield message

    @property
    def _struck(self) -> bool:
        return self.trouble is not None and self.blocks >= self.trouble.after

    def _strike(self) -> None:
        if self._struck and self.trouble is not None and self.trouble.kind == "close":
            self.socket.close(1011)

    def say(self, **answer: Any) -> None:
        kind = self.trouble.kind if self._struck and self.trouble is not None else ""
        if kind == "mute":
            return
        if kind in ("say", "also") and self.trouble is not None:
            self.socket.send(self.trouble.value)
        if kind != "say":
            self.socket.send(json.dumps(answer, ensure_ascii=False))


class PaddleServer(FakeServer):
    """As `paddlespeech/server/ws/asr_api.py` behaves with a conformer and attention rescoring."""

    @property
    def setting(self) -> str:
        return f"paddlespeech+ws://127.0.0.1:{self.port}#synthetic"

    def talk(self, line: Line, hearing: Hearing) -> None:
        name = ""
        for message in line:
            if isinstance(message, bytes):
                hearing.accept(message)
                self.took(name, message)
                line.say(result=hearing.text)
                continue
            asked = json.loads(message)
            if asked["signal"] == "start":
                name = asked["name"]
                assert line.socket.path_asked == "/paddlespeech/asr/streaming"  # type: ignore[attr-defined]
                self.greet(asked, name)
                line.say(status="ok", signal="server_ready")
            elif asked["signal"] == "end":
                hearing.finish()
                line.say(status="ok", signal="finished", result=hearing.text, times=self._times(hearing))
                return

    @staticmethod
    def _times(hearing: Hearing) -> list[dict[str, Any]]:
        words = hearing.characters
        times = [{"w": w.text, "bg": w.start_ms / 1000, "ed": w.end_ms / 1000} for w in words]
        if times:  # as the real one has it: from the audio's begin to its end
            times[0]["bg"] = 0.0
            times[-1]["ed"] = hearing.samples / 16000
        return times


class FunServer(FakeServer):
    """As `websocket-server-2pass.cpp` behaves; with `acknowledges` as FunASR's Python server does."""

    def __init__(self, ear: Ear, troubles: Sequence[Trouble | None] = (), *, acknowledges: bool = False) -> None:
        super().__init__(ear, troubles)
        self.acknowledges = acknowledges

    @property
    def setting(self) -> str:
        return f"funasr+ws://127.0.0.1:{self.port}#synthetic"

    def talk(self, line: Line, hearing: Hearing) -> None:
        name, told = "", ""
        for message in line:
            if isinstance(message, bytes):
                hearing.accept(message)
                self.took(name, message)
                if hearing.finals:
                    self._settle(line, hearing, name, final=self.acknowledges)
                    told = ""
                elif hearing.partial.startswith(told) and hearing.partial != told:
                    piece, told = hearing.partial.removeprefix(told), hearing.partial
                    line.say(mode="2pass-online", text=piece, wav_name=name, is_final=False)
                continue
            asked = json.loads(message)
            if asked["is_speaking"]:
                name = asked["wav_name"]
                assert asked["audio_fs"] == 16000
                self.greet(asked, name)
                continue
            hearing.finish()
            self._settle(line, hearing, name, final=True)
            if self.acknowledges and asked.get("is_end"):
                line.say(mode="2pass", wav_name=name, is_final=True, is_end=True)

    def _settle(self, line: Line, hearing: Hearing, name: str, *, final: bool) -> None:
        text, stamps = hearing.text, [[word.start_ms, word.end_ms] for word in hearing.characters]
        hearing.finals.clear()
        if not text:
            line.say(text="", wav_name=name, is_final=final)
            return
        stamp = {} if self.acknowledges else {"timestamp": json.dumps(stamps)}
        line.say(mode="2pass-offline", text=f"{text[:1]}，{text[1:]}。", wav_name=name, is_final=final, **stamp)


@contextmanager
def running(server: FakeServer) -> Iterator[FakeServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Cable:
    """A network between us and a server. While `cut` is set nothing gets through, and nobody is told; `snap` breaks the
    connections there are.
    """

    def __init__(self, port: int) -> None:
        self.cut = threading.Event()
        self._server_port = port
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)
        self.port: int = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Cable:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in list(self._threads):
            thread.join()
        for each in (*self._sockets, self._listening):
            each.close()

    def snap(self) -> None:
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listening.accept()
            except TimeoutError:
                continue
            far = socket.create_connection(("127.0.0.1", self._server_port))
            for source, target in ((near, far), (far, near)):
                source.settimeout(0.05)
                self._sockets.append(source)
                self._threads.append(threading.Thread(target=self._carry, args=(source, target)))
                self._threads[-1].start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        while not self._over.is_set():
            try:
                data = source.recv(65536)
                while self.cut.is_set() and not self._over.is_set():
                    time.sleep(0.01)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except TimeoutError:
                continue
            except OSError:
                return


class Settling:
    """A recogniser that is fed faster than life: after each piece the server has heard everything, so that tests count
    on the audio's clock only.
    """

    def __init__(self, inner: ServerRecognizer, server: FakeServer) -> None:
        self.inner = inner
        self.server = server

    def accept(self, pcm: bytes) -> Transcript | None:
        heard = self.inner.accept(pcm)
        self.settle()
        return heard

    def finish(self) -> Transcript:
        return self.inner.finish()

    def close(self) -> None:
        self.inner.close()

    def settle(self) -> None:
        inner, size = self.inner, 32 * self.inner._link.dialect.block_ms
        current = inner._current
        until(lambda: all(utterance.done or utterance.fault for utterance in inner._waiting))
        if current is not None:
            wanted = len(current._audio) // size * size
            until(lambda: current.fault or current.done or self.server.heard[current.name] >= wanted)


class SettlingEar:
    """An ear of such recognisers."""

    def __init__(self, ear: Any, server: FakeServer) -> None:
        self.info = ear.info
        self._ear, self._server = ear, server

    def open(self, phrases: Sequence[str] = ()) -> Settling:
        return Settling(self._ear.open(phrases), self._server)


def until(so: Callable[[], object], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not so():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.0005)
