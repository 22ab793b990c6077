"""An ear that is a server: what all such engines share. The dialects are in `paddlespeech` and `funasr`.

The server hears only stretches with sound in them, an utterance each: from 300 ms before the first sound to 700 ms
after the last one, or to the end of the turn. That keeps its load low, and its state never grows with the call. At
most 30 s make an utterance; that much is kept, so that it can be said again over a new connection.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import soxr

from voicebot.asr import conversation
from voicebot.asr.conversation import Dialect, Link, Patience, Utterance
from voicebot.asr.recognizer import AsrFault, EarInfo, Transcript, Word

SAMPLE_RATE = 8000
UNRATED = 0.8  # stands for "heard, not rated": neither protocol carries a confidence

_BLOCK_MS = 20
_BLOCK_BYTES = 2 * SAMPLE_RATE * _BLOCK_MS // 1000
# Root mean square of s16 samples, about −52 dBFS: below soft speech, above a telephone line's idle noise. In more noise
# than that the gate stays open and the turn policy alone says when a turn is over.
_SOUND = 80.0
_BEFORE_MS, _AFTER_MS = 300, 700
_LONGEST_MS = 30_000
_WORDS_MARGIN_MS = 100

# Overflow rule. In a call a server further behind than this is lost; where audio comes faster than it was spoken (a
# file), the reader waits instead, as long as the server makes any progress within `_STUCK_S`.
_MOST_LAG_MS = 6000
_MOST_WAITING = 2  # utterances that are over and have no final yet
_AHEAD_MS = 2000  # audio this much ahead of the clock is not a call's
_STUCK_S = 4.0

_SPACE = re.compile(r"(?<![A-Za-z]) +| +(?![A-Za-z])")
_UNKNOWNS = re.compile(r"(?:<unk>|\[unk\])+")


def squeeze(text: str) -> str:
    """A server's text as a Chinese reader writes it: no spaces between characters, unknown words as "[unk]"."""
    return _UNKNOWNS.sub("[unk]", _SPACE.sub("", text.strip()))


@dataclass(frozen=True, slots=True)
class Address:
    """A setting `ENGINE+ws://HOST:PORT/PATH#remarks`. `url` goes to the server; remarks are for us: `synthetic` (it
    was trained on synthetic speech only), `model=NAME` (for records and pages), and what the engine's module adds.
    """

    engine: str
    url: str
    shown: str
    remarks: dict[str, str]

    @classmethod
    def parse(cls, setting: str, known: Sequence[str] = ()) -> Address:
        """Raises `AsrFault(permanent=True)` with one line that says what is expected."""
        engine, _, url = setting.partition("+")
        plain, _, fragment = url.partition("#")

        def refuse(what: str) -> AsrFault:
            expected = "ENGINE+ws://HOST:PORT is expected, such as paddlespeech+ws://127.0.0.1:8090"
            return AsrFault(f"VOICEBOT_ASR_MODEL: {what}; {expected}", permanent=True)

        try:
            parts = urlsplit(plain)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise refuse("no usable address") from None
        if parts.scheme not in ("ws", "wss") or not host:
            raise refuse("no address of a WebSocket server")
        remarks = dict(parse_qsl(fragment, keep_blank_values=True))
        allowed = ("synthetic", "model", *known)
        if unknown := [name for name in remarks if name not in allowed]:
            raise refuse(f"unknown remark #{unknown[0]} (there are: {', '.join(allowed)})")
        shown = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
        return cls(engine, plain, shown, remarks)

    def at(self, path: str) -> Address:
        """The same with this path, where the setting names none."""
        parts = urlsplit(self.url)
        if parts.path not in ("", "/"):
            return self
        url = parts._replace(path=path).geturl()
        return Address(self.engine, url, self.shown.rstrip("/") + path, self.remarks)


class ServerEar:
    """A server that speaks `dialect(phrases)`. Raises `AsrFault` when it does not answer now."""

    def __init__(
        self, address: Address, dialect: Callable[[Sequence[str]], Dialect], patience: Patience | None = None
    ) -> None:
        self._address = address
        self._dialect = dialect
        self._patience = patience or Patience()
        model = address.remarks.get("model") or address.shown
        synthetic = address.remarks.get("synthetic", "no") in ("", "yes", "true", "1")
        self.info = EarInfo(address.engine, model, "unknown", "unknown", synthetic=synthetic)

    def open(self, phrases: Sequence[str] = ()) -> ServerRecognizer:
        """A new stream, connected. Blocks for at most `Patience.connect_s`; raises `AsrFault` when the server is not
        there. `phrases` become hot words where the server takes them for each stream.
        """
        link = Link(self._dialect(phrases), self._address.url, self._address.shown, self._patience)
        return ServerRecognizer(link)


class ServerRecognizer:
    """One call's stream; see `voicebot.asr.recognizer.Recognizer`. Used from one thread; nothing in it waits for the
    server but `finish` (at most `Patience.finish_s`), and `accept` where a file is read faster than it can be heard.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._name = uuid.uuid4().hex  # no number or name of anybody
        self._count = 0
        self._rest = b""
        self._began = time.monotonic()
        self._clock_ms = 0
        self._before: deque[bytes] = deque(maxlen=_BEFORE_MS // _BLOCK_MS)
        self._resampler: soxr.ResampleStream | None = None
        self._current: Utterance | None = None
        self._waiting: deque[Utterance] = deque()  # over, without a final yet
        self._told = ""  # the last partial
        self._fault: AsrFault | None = None
        self._next: Utterance | None = self._begin()
        if not self._next.wait(link.patience.connect_s, ready=True):
            fault = self._next.fault or AsrFault(
                f"{link.dialect.engine} server at {link.shown}: no connection within {link.patience.connect_s:g} s; "
                "is it up?"
            )
            self._fail(fault)

    def accept(self, pcm: bytes) -> Transcript | None:
        """See `Recognizer.accept`. Raises `AsrFault` on a closed stream, and when the server is gone."""
        self._check()
        data = self._rest + pcm
        whole = len(data) - len(data) % _BLOCK_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, _BLOCK_BYTES):
            self._take(data[start : start + _BLOCK_BYTES])
        self._keep_up()
        return self._news()

    def finish(self) -> Transcript:
        """See `Recognizer.finish`. Raises `AsrFault` on a closed stream, and when no final comes in time."""
        self._check()
        if self._current is not None:
            self._end_current()
        patience_s = self._link.patience.finish_s
        deadline = time.monotonic() + patience_s
        finals = []
        while self._waiting:
            utterance = self._waiting[0]
            if not utterance.wait(deadline - time.monotonic()):
                who = f"{self._link.dialect.engine} server at {self._link.shown}"
                self._fail(utterance.fault or AsrFault(f"{who}: no final within {patience_s:g} s; is it fast enough?"))
            finals.append(self._final(self._waiting.popleft()))
        self._told = ""
        self._connect_ahead()
        words = tuple(word for final in finals for word in final.words)
        text = "".join(final.text for final in finals)
        return Transcript(text, final=True, words=words, confidence=UNRATED if text else 0.0)

    def close(self) -> None:
        """End the conversations and free the stream; never waits. Idempotent."""
        self._fault = AsrFault("this recogniser is closed; open another from the ear", permanent=True)
        self._drop_all()

    # ------------------------------------------------------------ audio

    def _take(self, block: bytes) -> None:
        """20 ms: through the gate, and on to the server."""
        samples = np.frombuffer(block, "<i2").astype(np.float32)
        loud = float(np.sqrt(np.mean(samples * samples))) >= _SOUND
        self._clock_ms += _BLOCK_MS
        utterance = self._current
        if utterance is None:
            self._before.append(block)
            if not loud:
                return
            self._current = utterance = self._next or self._begin()
            self._next = None
            utterance.begin_ms = self._clock_ms - _BLOCK_MS * len(self._before)
            utterance.onset_ms = self._clock_ms - _BLOCK_MS
            self._resampler = soxr.ResampleStream(SAMPLE_RATE, conversation.SAMPLE_RATE, 1, dtype="int16", quality="MQ")
            block = b"".join(self._before)
        self._push(utterance, block)
        if loud:
            utterance.loud_ms = self._clock_ms
        over = self._clock_ms - utterance.loud_ms >= _AFTER_MS
        if over or self._clock_ms - utterance.begin_ms >= _LONGEST_MS:
            self._end_current()

    def _push(self, utterance: Utterance, pcm: bytes, *, last: bool = False) -> None:
        assert self._resampler is not None  # noqa: S101 - made when the utterance began
        samples: np.ndarray = self._resampler.resample_chunk(np.frombuffer(pcm, "<i2"), last=last)
        utterance.push(samples.tobytes())
        if last:
            utterance.end()
        self._link.wake(utterance)

    def _end_current(self) -> None:
        utterance, self._current = self._current, None
        assert utterance is not None  # noqa: S101 - the callers know that there is one
        self._push(utterance, b"", last=True)
        self._waiting.append(utterance)
        self._before.clear()

    def _keep_up(self) -> None:
        """The overflow rule: see `_MOST_LAG_MS`."""
        progress = self._behind()
        deadline = time.monotonic() + _STUCK_S
        while progress[0] > _MOST_LAG_MS or progress[1] > _MOST_WAITING:
            ahead_ms = self._clock_ms - 1000 * (time.monotonic() - self._began)
            if ahead_ms < _AHEAD_MS or time.monotonic() > deadline:
                who = f"{self._link.dialect.engine} server at {self._link.shown}"
                self._fail(AsrFault(f"{who} does not keep up with the speech: give it more power or fewer calls"))
            self._raise_faults()
            time.sleep(0.005)
            now = self._behind()
            if now != progress:
                progress, deadline = now, time.monotonic() + _STUCK_S

    def _behind(self) -> tuple[int, int]:
        unanswered = sum(not utterance.done for utterance in self._waiting)
        current = self._current
        if current is None:
            return 0, unanswered
        # After a broken connection everything is said again, and there is time for it.
        again = current.connections > 1 and time.monotonic() - current.connected_at < self._link.patience.lost_s
        return (0 if again else current.lag_ms), unanswered

    # ------------------------------------------------------------ words

    def _news(self) -> Transcript | None:
        self._raise_faults()
        if self._current is not None and self._current.done:
            self._end_current()  # by the server's own endpoint
        while self._waiting and self._waiting[0].done:
            final = self._final(self._waiting.popleft())
            said, self._told = self._told, ""
            self._connect_ahead()
            if final.text:
                return final
            if said:
                return Transcript("", final=False)  # what was told must be taken back
        head = self._waiting[0] if self._waiting else self._current
        if head is None:
            return None
        partial = squeeze(head.text)
        if head.done or partial == self._told:
            return None  # a final is told by the branch above
        self._told = partial
        return Transcript(partial, final=False)

    @staticmethod
    def _final(utterance: Utterance) -> Transcript:
        text = squeeze(utterance.text)
        earliest = utterance.onset_ms - _WORDS_MARGIN_MS
        latest = utterance.loud_ms + _WORDS_MARGIN_MS

        def on_the_clock(ms: int) -> int:
            return min(max(utterance.begin_ms + ms, earliest, 0), latest)

        words = tuple(
            Word(word.text, on_the_clock(word.start_ms), on_the_clock(word.end_ms), word.confidence)
            for word in utterance.words
        )
        return Transcript(text, final=True, words=words, confidence=UNRATED if text else 0.0)

    # ------------------------------------------------------------ connections

    def _begin(self) -> Utterance:
        self._count += 1
        utterance = Utterance(f"{self._name}-{self._count}")
        self._link.start(utterance)
        return utterance

    def _connect_ahead(self) -> None:
        """The next utterance finds its connection made. Not while another is under way: some servers have few."""
        if self._next is None and self._current is None and not self._waiting:
            self._next = self._begin()

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault
        self._raise_faults()

    def _raise_faults(self) -> None:
        for utterance in (*self._waiting, self._current, self._next):
            if utterance is not None and utterance.fault is not None:
                self._fail(utterance.fault)

    def _fail(self, fault: AsrFault) -> NoReturn:
        self._fault = fault
        self._drop_all()
        raise fault

    def _drop_all(self) -> None:
        for utterance in (*self._waiting, self._current, self._next):
            if utterance is not None:
                self._link.drop(utterance)
        self._waiting.clear()
        self._before.clear()
        self._current = self._next = self._resampler = None
