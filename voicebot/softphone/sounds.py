"""Everything a persona sounds like, made before the telephone rings: speech, network tones, noise. s16le, 8000 Hz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts import wav
from tts.voice import SAMPLE_RATE, Style, Voice
from voicebot.softphone.fault import PersonaError
from voicebot.softphone.persona import Persona, Sound

# Seconds on and off, repeated; 450 Hz. docs/domain.md §4.
TONES: dict[str, tuple[float, ...]] = {
    "ringback": (1.0, 4.0),
    "busy": (0.35, 0.35),
    "congestion": (0.7, 0.7),
    "empty_number": (0.1, 0.1, 0.1, 0.1, 0.1, 0.4),
}
_TONE_HZ = 450
_TONE_PEAK = 0.2  # −17 dBFS RMS: about the −10 dBm0 at which exchanges send them, seen from a handset
_NOISE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Sounds:
    """`lines`: each of `Persona.lines`; `early`: all early media as one piece; `noise`: a loop of five seconds, b""
    for none.
    """

    lines: tuple[bytes, ...]
    early: bytes
    noise: bytes


async def render(persona: Persona, voice: Voice) -> Sounds:
    """Make all sounds of a persona. Raises `VoiceFault`, and `PersonaError` for a WAV file that cannot be read."""
    speaker = persona.voice
    style = Style(variant=speaker.variant, rate=speaker.rate, pitch=speaker.pitch)

    async def speak(text: str) -> bytes:
        return amplify(await voice.render(text, style), speaker.gain_db)

    async def early(sound: Sound) -> bytes:
        if sound.tone is not None:
            return tone(sound.tone, sound.for_ms)
        if sound.say is not None:
            return await voice.render(sound.say, Style())  # the network's voice, not the persona's
        if sound.wav is not None:
            try:
                return wav.read(persona.folder / sound.wav)
            except (OSError, ValueError) as error:
                raise PersonaError(f"persona {persona.name}: {error}") from error
        return bytes(2 * ((sound.quiet_ms or 0) * SAMPLE_RATE // 1000))

    lines = tuple([await speak(text) for text in persona.lines])
    before = b"".join([await early(sound) for sound in persona.answer.early_media])
    hiss = b"" if speaker.noise_dbfs is None else noise(speaker.noise_dbfs, _NOISE_SECONDS * 1000)
    return Sounds(lines, before, hiss)


def tone(name: str, for_ms: int) -> bytes:
    """A call-progress tone of the Chinese network (`TONES`) for so long."""
    cycle = np.concatenate([np.full(round(s * SAMPLE_RATE), n % 2 == 0) for n, s in enumerate(TONES[name])])
    length = for_ms * SAMPLE_RATE // 1000
    gate = np.resize(cycle, length)
    return _pcm(_TONE_PEAK * np.sin(2 * np.pi * _TONE_HZ * np.arange(length) / SAMPLE_RATE) * gate)


def noise(dbfs: float, for_ms: int) -> bytes:
    """White noise at this RMS level, the same every time."""
    generator = np.random.default_rng(1)
    return _pcm(generator.standard_normal(for_ms * SAMPLE_RATE // 1000) * 10 ** (dbfs / 20))


def amplify(pcm: bytes, db: float) -> bytes:
    """Louder or softer; what would exceed full scale is clipped, as in a telephone."""
    return _pcm(_samples(pcm) * 10 ** (db / 20)) if db else pcm


def mix(pcm: bytes, under: bytes) -> bytes:
    """Both at once; `under` is at least as long."""
    return _pcm(_samples(pcm) + _samples(under[: len(pcm)]))


def _samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32767


def _pcm(samples: npt.NDArray[np.float64]) -> bytes:
    return np.asarray(np.rint(np.clip(samples, -1.0, 1.0) * 32767), "<i2").tobytes()
