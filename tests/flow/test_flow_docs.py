"""What the page on scripts shows can be used word for word."""

import re
from pathlib import Path

from voicebot.flow.cases import cases
from voicebot.flow.loading import check, load
from voicebot.flow.replay import replay
from voicebot.flow.sample import sample_slots
from voicebot.nlu.lexicon import load as load_lexicon

PAGE = (Path(__file__).parents[2] / "docs" / "flows.md").read_text(encoding="utf-8")
LESSON, REST = PAGE.split("## How a call runs")
SCRIPT, CASES = re.findall(r"```yaml\n(.*?)```", REST, re.DOTALL)
_FILE = r"`dialog_flows/(\w+)/(\w+\.yaml)`[^`]*?(?:`[^`]*`[^`]*?)*:"
WRITTEN = re.findall(_FILE + r"\n\n```yaml\n(.*?)```", LESSON, re.DOTALL)


def test_the_lesson_followed_word_for_word_gives_a_script_that_passes(tmp_path):
    assert [file for _, file, _ in WRITTEN] == ["flow.yaml", "sample.yaml", "cases.yaml"]
    for name, file, text in WRITTEN:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / file).write_text(text, encoding="utf-8")
    [name] = {name for name, _, _ in WRITTEN}
    assert check(tmp_path / name) == []
    [result] = replay(tmp_path / name, load_lexicon()).results
    assert result.differences == ()
    assert sample_slots(tmp_path / name)["channel"] == "邮箱"


def test_the_script_on_the_page_is_clean(tmp_path):
    folder = tmp_path / "visit"
    folder.mkdir()
    (folder / "flow.yaml").write_text(SCRIPT, encoding="utf-8")
    assert check(folder) == []


def test_the_case_on_the_page_can_be_read(tmp_path):
    (tmp_path / "flow.yaml").touch()
    (tmp_path / "cases.yaml").write_text(CASES, encoding="utf-8")
    [case] = cases(tmp_path).cases
    assert case.contact == {"ratio": "120"}


def test_the_picture_shows_every_step_of_the_margin_call():
    [picture] = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    missing = {step for step in load("margin_call").script.steps if not re.search(rf"\b{step}\b", picture)}
    assert missing == set()
