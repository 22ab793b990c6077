"""The stereo recording, while all is well and when it is not."""

import hashlib
import shutil
import signal
import subprocess
import sys
import wave
from datetime import date

import numpy as np
import pytest

from voicebot.store.recording import FRAME_BYTES, Recording, find, path_of, repair

DAY = date(2026, 11, 25)
PATH = "2026-11-25/call-1.wav"


def tone(value):
    """20 ms of a constant, so that every frame can be known again."""
    return np.full(FRAME_BYTES // 2, value, dtype="<i2").tobytes()


def read(file):
    """(left, right) of a WAV file as any player reads it."""
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, 8000)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").reshape(-1, 2)
    return samples[:, 0], samples[:, 1]


def record(folder, frames, call_id="call-1"):
    recording = Recording(folder, call_id, DAY)
    for n in range(frames):
        recording.write(rx=tone(-n), tx=tone(n))
    return recording


@pytest.mark.parametrize("frames", [1, 49, 50, 51, 175])
def test_left_is_the_robot_and_right_the_callee(tmp_path, frames):
    recording = record(tmp_path, frames)
    assert recording.duration_ms == frames * 20
    finished = recording.finish()
    assert (finished.path, finished.duration_ms, finished.problem) == (PATH, frames * 20, "")
    left, right = read(tmp_path / PATH)
    assert np.array_equal(left, np.repeat(np.arange(frames), 160))
    assert np.array_equal(right, -left)
    assert finished.sha256 == hashlib.sha256((tmp_path / PATH).read_bytes()).hexdigest()
    assert recording.finish() is finished


def test_only_the_owner_may_listen(tmp_path):
    record(tmp_path / "recordings", 50).finish()
    assert (tmp_path / "recordings" / PATH).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "recordings" / PATH).parent.stat().st_mode & 0o777 == 0o700


def test_it_is_playable_while_it_grows(tmp_path):
    recording = Recording(tmp_path, "call-1", DAY)
    lengths = []
    for n in range(120):
        recording.write(tone(n), tone(n))
        lengths.append(len(read(tmp_path / PATH)[0]))
    assert lengths == [0] * 49 + [8000] * 50 + [16000] * 21
    recording.finish()


def test_a_call_without_a_frame_leaves_no_file(tmp_path):
    finished = Recording(tmp_path, "call-1", DAY).finish()
    assert (finished.path, finished.sha256, finished.duration_ms, finished.problem) == ("", "", 0, "")
    assert find(tmp_path, "call-1") is None


def test_a_recording_is_never_overwritten(tmp_path):
    first = record(tmp_path, 60).finish()
    second = record(tmp_path, 80).finish()
    assert (second.path, second.problem) == ("", "file exists")
    assert hashlib.sha256((tmp_path / PATH).read_bytes()).hexdigest() == first.sha256


def test_an_unusable_folder_is_a_problem_of_the_record_and_not_of_the_call(tmp_path):
    (tmp_path / "recordings").write_text("a file where the folder should be")
    finished = record(tmp_path / "recordings", 120).finish()
    assert (finished.path, finished.sha256, finished.duration_ms) == ("", "", 0)
    assert finished.problem == "not a directory"


def test_sides_of_unequal_length_are_a_mistake(tmp_path):
    recording = Recording(tmp_path, "call-1", DAY)
    with pytest.raises(ValueError, match="320 and 318 bytes"):
        recording.write(bytes(320), bytes(318))
    recording.finish()


@pytest.mark.parametrize("call_id", ["", "../call", "a/b", "a.b", "通话", "a\0"])
def test_ids_that_are_paths_are_refused(call_id):
    with pytest.raises(ValueError, match="a call id"):
        path_of(call_id, DAY)


_FULL = """
import resource, sys
from datetime import date
from pathlib import Path
from voicebot.store.recording import Recording
if sys.argv[2] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
recording = Recording(Path(sys.argv[1]), "call-1", date(2026, 11, 25))
for n in range(int(sys.argv[3])):
    recording.write((n % 30000).to_bytes(2, "little") * 160, bytes(320))
done = recording.finish()
print(done.path, done.duration_ms, done.sha256, done.problem, sep="|")
"""


def run(*arguments):
    done = subprocess.run([sys.executable, "-c", _FULL, *arguments], capture_output=True, text=True, check=True)
    path, duration_ms, sha256, problem = done.stdout.strip().split("|")
    return path, int(duration_ms), sha256, problem


def test_a_file_that_may_not_grow_keeps_what_it_has(tmp_path):
    limit = 44 + 3 * 32000 + 1002  # 3 s, 250 samples, and half a sample
    path, duration_ms, sha256, problem = run(tmp_path, str(limit), "400")
    assert (path, duration_ms, problem) == (PATH, 3031, "file too large after 3.0 s")
    left, right = read(tmp_path / PATH)
    assert len(left) == 3 * 8000 + 250
    assert right[-1] == 151
    assert (tmp_path / PATH).stat().st_size == 44 + 4 * len(left)
    assert sha256 == hashlib.sha256((tmp_path / PATH).read_bytes()).hexdigest()


def test_no_room_for_a_header_leaves_no_file(tmp_path):
    assert run(tmp_path, "10", "100") == ("", 0, "", "file too large")
    assert find(tmp_path, "call-1") is None


def test_a_full_disk_keeps_what_it_has(tmp_path):
    """On a real file system of 128 KiB, in a mount namespace of our own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=128k voicebot-test "$1"'
    inside = f'{mount} && "$2" -c "$3" "$1" 0 400 && cp "$1/{PATH}" "$4"'
    unshare = shutil.which("unshare")
    kept = tmp_path / "kept.wav"
    done = unshare and subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh", disk, sys.executable, _FULL, kept],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done or not done.stdout:
        pytest.skip("this user may not mount a file system")
    path, duration_ms, sha256, problem = done.stdout.strip().split("|")
    assert path == PATH
    assert problem.startswith("no space left on device after 4.")
    left, _ = read(kept)
    assert len(left) == int(duration_ms) * 8 + len(left) % 8
    assert 120_000 < kept.stat().st_size <= 131_072
    assert sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()


_WRITER = """
import sys
from datetime import date
from pathlib import Path
from voicebot.store.recording import Recording
recording = Recording(Path(sys.argv[1]), "call-1", date(2026, 11, 25))
n = 0
while True:
    recording.write((n % 30000).to_bytes(2, "little") * 160, bytes(320))
    n += 1
    if n == 500:
        print("ten seconds", flush=True)
"""


def test_a_killed_writer_leaves_a_playable_file_that_can_be_made_whole(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"ten seconds\n"
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    assert find(tmp_path, "call-1") == PATH
    played, _ = read(tmp_path / PATH)
    assert len(played) >= 80000
    whole = repair(tmp_path, PATH)
    _, right = read(tmp_path / PATH)
    assert len(right) >= len(played)
    # The kill may fall into a write: what is there is right, down to the last sample.
    assert np.array_equal(right, np.arange(len(right)) // 160 % 30000)
    assert (whole.path, whole.problem) == (PATH, "the process that wrote it died")
    assert whole.duration_ms == len(right) // 8
    assert whole.sha256 == hashlib.sha256((tmp_path / PATH).read_bytes()).hexdigest()
    assert repair(tmp_path, PATH) == whole


def test_samples_behind_the_header_are_given_back(tmp_path):
    record(tmp_path, 100).finish()
    with (tmp_path / PATH).open("ab") as file:
        file.write(tone(7) + tone(8) + b"\x01\x02\x03")  # written, but not counted any more; the last one torn
    assert len(read(tmp_path / PATH)[0]) == 16000
    assert repair(tmp_path, PATH).duration_ms == 2020
    left, right = read(tmp_path / PATH)
    assert (len(left), left[-1], right[-1]) == (16160, 8, 8)


def test_a_kill_before_the_first_second_leaves_nothing_to_keep(tmp_path):
    file = tmp_path / PATH
    file.parent.mkdir()
    for left_behind in (b"", b"RIFF\x24\0\0\0WAVEfmt "):
        file.write_bytes(left_behind)
        assert repair(tmp_path, PATH).path == ""
        assert not file.exists()


def test_what_cannot_be_repaired_is_said(tmp_path):
    assert repair(tmp_path, PATH).problem == "the process that wrote it died; no such file or directory"
    (tmp_path / PATH).parent.mkdir()
    (tmp_path / PATH).write_bytes(b"ID3" + bytes(1000))
    said = repair(tmp_path, PATH)
    assert (said.path, said.problem) == ("", "the process that wrote it died; what it left is no WAV file")
    assert (tmp_path / PATH).read_bytes().startswith(b"ID3")
