"""Reading personas: what is refused, where it is said to be, and that the shipped ones are sound."""

from pathlib import Path

import pytest

from tts.readable import readable
from voicebot.flow.dispositions import Disposition
from voicebot.softphone.persona import FOLDER, PersonaError, load, shipped

HEAD = "about: 测试\nexpect: will_do\n"

# YAML behind the two lines of HEAD; the line at fault; words of the complaint
BAD = [
    ("colour: red\n", 3, "colour: unknown key"),
    ("trun: []\n", 3, "trun: unknown key, did you mean turns?"),
    ("name: x\n", 3, "unknown key 'name'"),
    ("voice: {variant: f2, speed: 3}\n", 3, "voice.speed: unknown key"),
    ("voice:\n  rate: 10\n", 4, "voice.rate: input should be greater than or equal to 80"),
    ("voice:\n  variant: f2\n  noise_dbfs: 3\n", 5, "voice.noise_dbfs"),
    ("answer: {reject: 200}\n", 3, "answer.reject"),
    ("answer:\n  never: true\n  reject: 486\n", 3, "never and reject exclude each other"),
    ("answer: {never: maybe}\n", 3, "answer.never"),
    ("answer:\n  early_media:\n    - {tone: ringback, say: 你好}\n", 5, "exactly one of tone, say, wav, quiet_ms"),
    ("answer:\n  early_media:\n    - {tone: trumpet}\n", 5, "must be 'ringback', 'busy'"),
    ("hearing: {pause_ms: 10}\n", 3, "hearing.pause_ms"),
    ("turns:\n  - say: 好\n  - sya: 好\n", 5, "turns[2].sya: unknown key, did you mean say?"),
    ("turns:\n  - say: 好\n    press: 1\n", 4, "exactly one of say, press, hang_up is needed, not say and press"),
    ("turns:\n  - {after: robot}\n", 4, "exactly one of say, press, hang_up is needed, not none"),
    ("turns:\n  - {over: robot, silence_s: 3, say: 好}\n", 4, "only one of after, over, silence_s"),
    ("turns:\n  - {over: human, say: 好}\n", 4, "turns[1].over: must be 'robot'"),
    ("turns:\n  - {after: line, nth: 2, hang_up: true}\n", 4, "nth counts turns of the robot"),
    ("turns:\n  - {silence_s: 3, delay_ms: 5, say: 好}\n", 4, "delay_ms does not go with silence_s"),
    ("turns:\n  - say: 好\n    delay_ms: soon\n", 5, "turns[1].delay_ms"),
    ("turns:\n  - say: 。。。\n", 4, "nothing speakable"),
    ("turns:\n  - say: 12\n", 4, "turns[1].say"),
    ("turns:\n  - press: 12x\n", 4, "turns[1].press"),
    ("turns:\n  - hang_up: false\n", 4, "turns[1].hang_up"),
    ("turns: 好\n", 3, "turns"),
    ("turns:\n  - {after: line, say: 好}\n", 1, "needs an entry before it"),
    ("answer: {reject: 486}\nturns:\n  - say: 好\n", 1, "turns need an answered call"),
    ("repeat: 好\nthen: hang_up\n", 1, "repeat needs"),
    ("then: explode\n", 3, "must be 'hang_up' or 'wait'"),
    ("about: 又一次\n", 3, "about is here twice"),
    ("turns:\n  - say: [unclosed\n", 4, "not YAML"),
    ("turns:\n  - &a {say: 好}\n  - *a\n", 4, "anchors and aliases"),
    ("turns:\n\t- say: 好\n", 4, "not YAML"),
]


@pytest.mark.parametrize(("yaml", "line", "words"), BAD)
def test_a_bad_persona_is_told_with_file_and_line(tmp_path, yaml, line, words):
    file = tmp_path / "bad.yaml"
    file.write_text(HEAD + yaml, encoding="utf-8")
    with pytest.raises(PersonaError) as caught:
        load(file)
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"{file}:{line}: "), first
    assert words in first
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("text", "words"), [("", "nothing in it"), ("- a\n", "a persona is a mapping"), ("好", "mapping")]
)
def test_what_is_no_mapping_is_refused(tmp_path, text, words):
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError, match=words):
        load(file)


def test_every_mistake_is_told_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("expect: nothing\nturns:\n  - say: 好\n    now: 1\n", encoding="utf-8")
    with pytest.raises(PersonaError) as caught:
        load(file)
    lines = [complaint.removeprefix(f"{file}:").split(":")[0] for complaint in str(caught.value).splitlines()]
    assert sorted(lines) == ["1", "1", "4"]  # expect is wrong, about is missing, now is unknown


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_bytes(b"about: \xff\xfe\n")
    with pytest.raises(PersonaError, match="UTF-8"):
        load(file)


def test_missing_ones_are_told_with_what_there_is(tmp_path):
    with pytest.raises(PersonaError, match=r"no persona 'nobody': one of .*cooperative.*, or a YAML file"):
        load("nobody")
    with pytest.raises(PersonaError, match=r"no such file"):
        load(tmp_path / "nobody.yaml")
    with pytest.raises(PersonaError, match="one of none"):
        load("nobody", tmp_path)


def test_defaults_and_order(tmp_path):
    file = tmp_path / "short.yaml"
    file.write_text(
        HEAD + "turns:\n  - say: 好\n  - press: 1\n  - {silence_s: 2, say: 喂}\nrepeat: 嗯\n", encoding="utf-8"
    )
    persona = load(file)
    assert persona.name == "short"
    assert [turn.trigger for turn in persona.turns] == ["robot", "robot", "silence"]
    assert persona.turns[1].keys == "1"
    assert persona.lines == ("好", "喂", "嗯")
    assert persona.then == "wait"
    assert persona.talks


def test_the_promised_ones_are_shipped():
    assert set(shipped()) >= {
        "cooperative", "wrong_number", "busy_callback", "do_not_call", "silent", "interrupting", "asks_questions",
        "robot_doubter", "line_busy", "no_answer",
    }  # fmt: skip


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_one_can_be_played(name):
    persona = load(name)
    assert persona.about
    assert isinstance(persona.expect, Disposition)
    assert all(readable(line) == line for line in persona.lines), "write lines as they are said"
    assert persona == load(FOLDER / f"{name}.yaml")


def test_shipped_speakers_differ():
    speakers = [load(name).voice for name in shipped() if load(name).lines]
    assert len({(s.variant, s.rate, s.pitch) for s in speakers}) == len(speakers)


def test_only_yaml_is_shipped():
    assert {file.suffix for file in Path(FOLDER).iterdir()} <= {".yaml", ".md"}
