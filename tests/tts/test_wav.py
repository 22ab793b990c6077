"""WAV files."""

import stat
import wave

import numpy as np
import pytest

from tts import wav

PCM = (np.sin(np.arange(8000) / 5) * 10000).astype("<i2").tobytes()


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.wav"
    wav.write(path, PCM)
    assert wav.read(path) == PCM
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 8000)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


def test_a_failed_write_leaves_nothing_and_spoils_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    wav.write(path, PCM)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tts.wav.wave.Wave_write.writeframes", full)
    with pytest.raises(OSError, match="No space"):
        wav.write(path, b"")
    assert wav.read(path) == PCM
    assert list(tmp_path.iterdir()) == [path]


def test_other_rates_and_channels_are_converted(tmp_path):
    path = tmp_path / "a.wav"
    tone = (np.sin(2 * np.pi * 440 * np.arange(44100) / 44100) * 10000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(np.stack([tone, tone], axis=1).tobytes())
    samples = np.frombuffer(wav.read(path), "<i2")
    assert abs(len(samples) - 8000) <= 1
    spectrum = np.abs(np.fft.rfft(samples[:8000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a sound at all", b"RIFF\x24\0\0\0WAVEfmt "])
def test_other_files_are_refused_in_one_line(tmp_path, data):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.wav: not a WAV file \(.+\)$"):
        wav.read(path)


def test_eight_bits_are_refused(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * 80)
    with pytest.raises(ValueError, match="16-bit"):
        wav.read(path)
