"""A script's audio folder: what may be used, what is refused and how it is to be mended."""

import random
import shutil
import struct

import numpy as np
import pytest
import soundfile

from tests import takes
from voicebot.flow import recorded
from voicebot.flow.loading import check, draft, find, load
from voicebot.flow.problems import FlowError
from voicebot.flow.recorded import Standing

NOTED = "hardship.wav"  # 您的情况我记下了，会请客户经理尽快联系您。
SYLLABLES = 18


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(find("margin_call"), tmp_path / "margin_call")


@pytest.fixture
def noted(folder):
    return takes.write(folder / "audio" / NOTED, takes.syllables(SYLLABLES))


def accept(folder):
    _, flow = draft(folder)
    return recorded.accept(folder, flow.prompts, name="audio")


def codes(folder):
    return [problem.code for problem in check(folder)]


def only(folder):
    [problem] = check(folder)
    return problem


def change_script(folder, old, new):
    file = folder / "flow.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_script_without_recordings_is_as_before(folder):
    assert check(folder) == []
    assert load(folder).recordings == {}
    (folder / "audio").mkdir()
    assert check(folder) == []


def test_a_recording_counts_once_it_is_accepted(folder, noted):
    problem = only(folder)
    assert (problem.code, problem.severity) == ("unaccepted_audio", "error")
    assert problem.file.endswith("margin_call/audio/hardship.wav")
    assert "voicebot tts studio margin_call --accept" in problem.fix
    with pytest.raises(FlowError, match=r"hardship\.wav"):
        load(folder)
    survey, new = accept(folder)
    assert (new, survey.problems) == ([NOTED], ())
    assert check(folder) == []
    flow = load(folder)
    assert flow.recordings[NOTED].rate == 44100
    assert accept(folder)[1] == []


def test_a_new_take_is_a_new_version_and_must_be_accepted_again(folder, noted):
    accept(folder)
    version = load(folder).version
    takes.write(noted, takes.syllables(SYLLABLES, hz=230))
    assert codes(folder) == ["unaccepted_audio"]
    accept(folder)
    assert load(folder).version != version


def test_a_recording_of_words_that_were_changed_since_is_found(folder, noted):
    accept(folder)
    change_script(folder, "您的情况我记下了", "您的情况我记好了")
    problem = only(folder)
    assert (problem.code, problem.severity) == ("stale_audio", "error")
    assert problem.file.endswith(NOTED)
    assert "记下" in problem.message
    assert "记好" in problem.message
    _, new = accept(folder)
    assert new == []  # the same sounds do not say other words because somebody says so
    assert codes(folder) == ["stale_audio"]
    takes.write(noted, takes.syllables(SYLLABLES, hz=230))
    assert accept(folder)[1] == [NOTED]
    assert check(folder) == []


def test_a_slip_of_the_script_is_mended_without_a_new_recording(folder, noted):
    accept(folder)
    change_script(folder, "您的情况我记下了", "您的情况我记好了")
    manifest = folder / "audio" / "manifest.yaml"
    line = int(only(folder).fix.split("remove line ")[1].split()[0])
    lines = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join(lines[: line - 1] + lines[line + 2 :]), encoding="utf-8")
    assert accept(folder)[1] == [NOTED]
    assert check(folder) == []


def test_a_comma_more_leaves_the_recording_as_it_is(folder, noted):
    accept(folder)
    change_script(folder, "您的情况我记下了，会请", "您的情况我记下了。会请")
    assert check(folder) == []


def test_a_recording_under_another_name_still_says_what_it_said(folder, noted):
    accept(folder)
    noted.rename(noted.with_name("dispute_noted.wav"))
    found = check(folder)
    assert {p.code for p in found} == {"stale_audio", "lost_audio"}
    assert next(p for p in found if p.code == "stale_audio").file.endswith("dispute_noted.wav")


def test_one_recording_under_two_names(folder, noted):
    shutil.copy(noted, noted.with_name("dispute_noted.wav"))
    assert codes(folder).count("same_audio") == 2
    assert accept(folder)[1] == []  # which of the two is right, nobody here can tell


TONE = takes.syllables(SYLLABLES, 16000)


def _float(path):
    soundfile.write(path, TONE / 32768, 16000, subtype="FLOAT")


def _cut(path):
    takes.write(path, TONE, 16000)
    path.write_bytes(path.read_bytes()[:-2000])


def _folder(path):
    path.mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: takes.write(path, TONE, 11025), "11025 Hz"),
        (lambda path: takes.write(path, np.repeat(TONE, 2), 16000, channels=2), "2 channels"),
        (_float, "no PCM WAV"),
        (lambda path: soundfile.write(path, TONE, 16000, subtype="PCM_24"), "24 bits"),
        (_cut, "cut off"),
        (lambda path: takes.write(path, TONE[:0], 16000), "empty"),
        (lambda path: takes.write(path, np.zeros(16000, "<i2"), 16000), "nothing is heard"),
        (lambda path: takes.write(path, np.tile(TONE, 8), 16000), "over 30"),
        (lambda path: path.write_bytes(b""), "header"),
        (lambda path: path.write_bytes(b"ID3\x04 this is an mp3"), "no PCM WAV"),
        (_folder, "no file"),
    ],
)
def test_unusable_files_are_named_with_their_mend(folder, make, told):
    (folder / "audio").mkdir()
    make(folder / "audio" / NOTED)
    problem = only(folder)
    assert (problem.code, problem.severity) == ("bad_audio", "error")
    assert problem.file.endswith(f"audio/{NOTED}")
    assert told in problem.message
    assert problem.fix
    survey, new = accept(folder)
    assert new == []
    assert [p.code for p in survey.problems] == ["bad_audio"]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_the_usual_rates_are_taken(folder, rate):
    takes.write(folder / "audio" / NOTED, takes.syllables(SYLLABLES, rate), rate)
    accept(folder)
    assert check(folder) == []


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (takes.syllables(SYLLABLES, dbfs=-46), "quiet_audio"),
        (takes.syllables(SYLLABLES, dbfs=2), "clipped_audio"),
        (takes.syllables(1), "odd_length_audio"),
        (takes.syllables(100), "odd_length_audio"),
    ],
)
def test_doubtful_recordings_are_warned_of(folder, samples, code):
    takes.write(folder / "audio" / NOTED, samples)
    accept(folder)
    problem = only(folder)
    assert (problem.code, problem.severity) == (code, "warning")
    load(folder)


@pytest.mark.parametrize(
    ("file", "fix"),
    [
        ("hardshp.wav", "did you mean hardship.wav?"),
        ("hardship.mp3", "hardship.wav"),
        ("hardship.WAV", "hardship.wav"),
        ("bye_plan.wav", "bye_plan.a1.wav, bye_plan.a2.wav, bye_plan.otherwise.a1.wav"),
        ("bye_plan.b1.wav", "bye_plan.a1.wav, bye_plan.a2.wav, bye_plan.otherwise.a1.wav"),
        ("notes.txt", "voicebot tts studio margin_call"),
    ],
)
def test_unknown_files_are_named_with_what_was_meant(folder, file, fix):
    takes.write(folder / "audio" / file, TONE)
    problem = only(folder)
    assert (problem.code, problem.severity) == ("unknown_audio", "error")
    assert problem.file.endswith(file)
    assert fix in problem.fix


def test_a_sentence_recorded_in_part_is_warned_of(folder):
    takes.write(folder / "audio" / "answer_deadline.a1.wav", takes.syllables(3))
    accept(folder)
    problem = only(folder)
    assert (problem.code, problem.severity) == ("missing_audio", "warning")
    assert "answer_deadline.a2.wav" in problem.message


def test_a_recording_that_went_missing_is_warned_of(folder, noted):
    accept(folder)
    noted.unlink()
    problem = only(folder)
    assert (problem.code, problem.severity) == ("lost_audio", "warning")
    assert problem.line > 1
    accept(folder)
    assert check(folder) == []


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "- a\n",
        "hardship.wav: yes\n",
        "hardship.wav: {says: 再见}\n",
        "a: &x b\n",
        "\x00",
        "a: {says: [], sha256: 1}",
    ],
)
def test_a_manifest_that_is_none(folder, noted, text):
    (folder / "audio" / "manifest.yaml").write_text(text, encoding="utf-8")
    found = [p for p in check(folder) if p.code == "audio_manifest"]
    assert found
    assert all(p.file.endswith("audio/manifest.yaml") and p.severity == "error" for p in found)
    with pytest.raises(FlowError, match=r"manifest\.yaml"):
        accept(folder)
    assert (folder / "audio" / "manifest.yaml").read_text(encoding="utf-8") == text


def test_an_audio_file_in_place_of_the_folder(folder):
    (folder / "audio").write_text("x")
    assert only(folder).code == "bad_audio"


def test_no_header_is_too_odd(folder, noted):
    """Bytes of a good file's header turned at random, and the file cut anywhere: a problem or a take, no traceback."""
    whole = bytearray(noted.read_bytes())
    rng = random.Random(7)
    for _ in range(150):
        data = bytearray(whole[: rng.choice([len(whole), rng.randrange(60)])])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(min(44, len(data)))] = rng.randrange(256)
        noted.write_bytes(data)
        _, flow = draft(folder)
        recorded.survey(folder, flow.prompts, name="audio")
    whole[40:44] = struct.pack("<I", 0xFFFFFFFF)  # as a program leaves it that could not seek back
    noted.write_bytes(whole)
    assert codes(folder) == ["bad_audio"]


def test_the_survey_tells_every_standing(folder, noted):
    takes.write(folder / "audio" / "is_it_you.wav", TONE, 11025)
    _, flow = draft(folder)
    survey = recorded.survey(folder, flow.prompts, name="audio")
    standing = {f.piece.file: f.standing for f in survey.found}
    assert standing[NOTED] is Standing.NEW
    assert standing["is_it_you.wav"] is Standing.BAD
    assert standing["answer_how.wav"] is Standing.MISSING
    assert survey.takes == {}
    after, _ = accept(folder)
    assert list(after.takes) == [NOTED]
