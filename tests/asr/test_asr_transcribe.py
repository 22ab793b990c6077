"""Reading recordings of every kind, and refusing what is none."""

from __future__ import annotations

import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
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
        "unknown coding": (good[:20] + b"\x99\x99" + good[22:], "no WAV, FLAC or Ogg"),
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


CODED = [
    *(("WAV", "ALAW"), ("WAV", "ULAW"), ("WAV", "FLOAT"), ("WAV", "GSM610"), ("WAVEX", "PCM_16")),
    *(("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")),
]


@pytest.mark.parametrize(("container", "coding"), CODED)
def test_other_codings_are_read(tmp_path: Path, container: str, coding: str) -> None:
    path = tmp_path / "a"
    samples = tone(8000, 2.0)
    soundfile.write(path, samples / 32768, 8000, format=container, subtype=coding)
    read = np.frombuffer(b"".join(audio_frames(path)), "<i2").astype(float)
    assert abs(len(read) - len(samples)) <= 160
    part = read[2000:10000]
    assert np.argmax(np.abs(np.fft.rfft(part))) == 440
    assert 0.8 < np.sqrt(np.mean(part**2)) / np.sqrt(np.mean(samples.astype(float) ** 2)) < 1.2


@pytest.mark.parametrize(("container", "coding"), CODED)
def test_other_codings_cut_off_or_of_two_channels_are_refused(tmp_path: Path, container: str, coding: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, tone(8000, 2.0), 8000, format=container, subtype=coding)
    content = path.read_bytes()
    for cut in (20, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:cut])
        with pytest.raises(AsrFault) as fault:
            list(audio_frames(path))
        assert fault.value.permanent
        assert "\n" not in str(fault.value)
    if coding != "GSM610":
        soundfile.write(path, np.zeros((8000, 2)), 8000, format=container, subtype=coding)
        with pytest.raises(AsrFault, match="2 channels"):
            list(audio_frames(path))


def test_damage_in_the_middle_of_a_compressed_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(1).standard_normal(80_000) * 0.1, 8000, format="FLAC")
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(3000) + content[middle + 3000 :])
    with pytest.raises(AsrFault, match="damaged"):
        list(audio_frames(path))


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    path = write(tmp_path / "hour.wav", b"", 16000)
    hour = 3600 * 16000 * 2
    with path.open("r+b") as file:  # a hole in the file: nothing is written
        file.seek(4)
        file.write((36 + hour).to_bytes(4, "little"))
        file.seek(40)
        file.write(hour.to_bytes(4, "little"))
        file.truncate(44 + hour)
    tracemalloc.start()
    try:
        frames = sum(1 for _ in audio_frames(path))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert abs(frames - 3600 * 50) <= 2
    assert most < 2_000_000


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
