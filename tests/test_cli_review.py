"""`voicebot flow show`: one script, three forms; what cannot be shown is told in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from voicebot.flow.loading import FLOWS


def show(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voicebot", "flow", "show", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=os.environ | env)


def refused(done, *told):
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert all(part in done.stderr for part in told), done.stderr


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "flows" / "margin_call"
    shutil.copytree(FLOWS, folder.parent)
    return folder


@pytest.mark.parametrize(
    ("format_", "begins"), [("html", "<!DOCTYPE html>\n"), ("svg", "<?xml "), ("mermaid", "flowchart LR\n")]
)
def test_a_script_is_shown_by_name_and_by_folder(script, tmp_path, format_, begins):
    printed = show("margin_call", "--format", format_, VOICEBOT_FLOWS_DIR=str(script.parent))
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.startswith(begins)
    file = tmp_path / "shown"
    done = show(str(script), "--format", format_, "--out", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text(encoding="utf-8") == printed.stdout
    assert [f.name for f in tmp_path.iterdir() if f.is_file()] == ["shown"]


def test_the_page_is_what_is_shown_unless_asked_otherwise_even_on_a_terminal_without_chinese(script):
    done = show(str(script), LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ElementTree.fromstring(done.stdout.encode()).tag == "html"


def test_a_script_without_a_sample_is_shown_too(script):
    (script / "sample.yaml").unlink()
    assert show(str(script)).returncode == 0


def test_an_unknown_script_is_told_with_those_there_are():
    refused(show("no_such_script"), "no_such_script", "margin_call")


def test_a_broken_script_is_told_by_line(script):
    with (script / "flow.yaml").open("a", encoding="utf-8") as file:
        file.write("colour: red\n")
    refused(show(str(script), "--format", "svg"), "flow.yaml:", "colour is no key here")


def test_a_broken_sample_is_told_by_line(script):
    (script / "sample.yaml").write_text("firm: [a]\n", encoding="utf-8")
    refused(show(str(script)), "sample.yaml:1")


@pytest.mark.parametrize("out", ["nowhere/page.html", "flows", "flows/margin_call/page.html", "", "a" * 300])
def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(script, tmp_path, out):
    before = sorted(tmp_path.rglob("*"))
    refused(show(str(script), "--out", f"{tmp_path}/{out}"), "name a file")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_page_replaces_an_older_one_whole(script, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("old " * 100_000, encoding="utf-8")
    assert show(str(script), "--out", str(file)).returncode == 0
    assert file.read_text(encoding="utf-8").endswith("</html>\n")


def test_help_says_what_is_shown():
    assert "html" in show("--help").stdout
