"""Reading WAV files of every kind, and refusing what is none."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr

from voicebot.asr.audio import audio_frames
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.scripted import ScriptedEar
from voicebot.asr.transcribe import transcribe
from voicebot.asr.vosk import VoskEar


def write(path: Path, pcm: bytes, rate: int = 8000, width: int = 2, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(width)
        wav.setframerate(rate)
        wav.writeframes(pcm)
    return path


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype("<i2")


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_any_rate_becomes_8000(tmp_path: Path, rate: int) -> None:
    frames = list(audio_frames(write(tmp_path / "a.wav", tone(rate, 2.5).tobytes(), rate)))
    assert {len(frame) for frame in frames} == {320}
    samples = np.frombuffer(b"".join(frames), "<i2").astype(float)
    assert abs(len(samples) - 20000) < 480
    spectrum = np.abs(np.fft.rfft(samples[4000:12000]))
    assert np.argmax(spectrum) == 440


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_any_width(tmp_path: Path, width: int) -> None:
    samples = tone(8000)
    wide = samples.astype(np.int32) << 16
    data = {
        1: ((samples >> 8) + 128).astype(np.uint8).tobytes(),
        2: samples.tobytes(),
        3: wide.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes(),
        4: wide.tobytes(),
    }[width]
    read = np.frombuffer(b"".join(audio_frames(write(tmp_path / "a.wav", data, width=width))), "<i2")
    assert np.abs(read.astype(int) - samples).max() <= (255 if width == 1 else 0)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    good = write(folder / "good.wav", tone(8000).tobytes()).read_bytes()
    named = {
        "empty": (b"", "empty or cut off"),
        "half a header": (good[:20], "empty or cut off"),
        "truncated": (good[:-1000], "truncated"),
        "no WAV": (b"ID3" + bytes(200), "no WAV, FLAC or Ogg"),
        "A-law WAV": (good[:20] + struct.pack("<H", 6) + good[22:], "no PCM WAV"),
    }
    made = {}
    for name, (content, message) in named.items():
        path = folder / f"{name}.wav"
        path.write_bytes(content)
        made[name] = (path, message)
    made["stereo"] = (write(folder / "stereo.wav", tone(8000).tobytes(), channels=2), "2 channels")
    made["no samples"] = (write(folder / "none.wav", b""), "no audio")
    made["absurd rate"] = (write(folder / "rate.wav", tone(8000).tobytes(), rate=100), "100 Hz")
    made["missing"] = (folder / "missing.wav", "no such file")
    made["folder"] = (folder, "is a directory")
    return made


def test_bad_files_are_refused_in_one_line(tmp_path: Path) -> None:
    for name, (path, expected) in bad_files(tmp_path).items():
        with pytest.raises(AsrFault) as fault:
            list(audio_frames(path))
        assert fault.value.permanent, name
        assert expected in str(fault.value), name
        assert str(path) in str(fault.value), name
        assert "\n" not in str(fault.value), name


def test_transcribes_what_is_said(tmp_path: Path, vosk_ear: VoskEar, say) -> None:
    second = bytes(16000)
    pcm = second + say("知道了") + second + say("你打错了") + second
    wide = soxr.resample(np.frombuffer(pcm, "<i2"), 8000, 16000).tobytes()
    assert [final.text for final in transcribe(vosk_ear, write(tmp_path / "a.wav", wide, 16000))] == [
        "知道了",
        "你打错了",
    ]


def test_empty_finals_are_left_out(tmp_path: Path) -> None:
    quiet = write(tmp_path / "quiet.wav", bytes(160000))
    assert transcribe(ScriptedEar(["好"]), quiet) == []
