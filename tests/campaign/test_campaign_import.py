"""`voicebot campaign import` as a person types it."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from tests.campaign.lists import people, write_csv
from voicebot.campaign import people as staff
from voicebot.store.store import Store

SOON = (datetime.now() + timedelta(days=2)).strftime("%Y-%m-%d 15:00")
YESTERDAY = datetime.now() - timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/voicebot.db")
    staff.add(store, "ann", ["operations"])
    store.close()
    return tmp_path


def listed(count, **changed):
    return people(count, deadline=SOON, as_of=YESTERDAY.strftime("%Y-%m-%d"), **changed)


def bring(folder, *arguments, by="ann"):
    return subprocess.run(
        [sys.executable, "-m", "voicebot", "campaign", "import", *arguments, "--flow", "margin_call", "--by", by],
        env=os.environ | {"VOICEBOT_DATABASE_URL": f"sqlite:///{folder}/voicebot.db"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_for_programs(folder):
    contacts = listed(4)
    contacts[3] |= {"number": "13800100000"}
    file = write_csv(folder / "list.csv", contacts)
    done = bring(folder, str(file), "--name", "spring", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told.pop("campaign")
    assert told == {"rows": 4, "accepted": 3, "refused": {"duplicate": 1}}


def test_for_people(folder):
    contacts = listed(4)
    contacts[3] |= {"number": "13800100000"}
    done = bring(folder, str(write_csv(folder / "list.csv", contacts)), "--name", "春季 提醒")
    assert done.returncode == 0, done.stderr
    assert "4 rows 行, 3 accepted 接受, 1 refused 拒绝" in done.stdout
    assert "duplicate 重复号码" in done.stdout
    assert "row 5 138****0000" in done.stdout
    assert "voicebot campaign submit '春季 提醒'" in done.stdout
    assert "13800100000" not in done.stdout + done.stderr


def test_nothing_accepted_is_no_success(folder):
    file = write_csv(folder / "list.csv", listed(2, ratio="x"))
    done = bring(folder, str(file), "--name", "spring")
    assert done.returncode == 1
    assert "slots 数据不符合话术" in done.stdout
    assert "No row was accepted" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("write", "arguments", "told"),
    [
        (lambda file: None, [], "no such file"),
        (lambda file: file.write_bytes(b"%PDF"), [], "a PDF"),
        (lambda file: write_csv(file, listed(2)), ["--plan", "none.yaml"], "none.yaml"),
        (lambda file: write_csv(file, [{"number": "13800138000", "nmae": "x"}]), [], "did you mean name?"),
    ],
)
def test_what_cannot_be_is_told_without_a_traceback(folder, write, arguments, told):
    write(folder / "list.csv")
    done = bring(folder, str(folder / "list.csv"), "--name", "spring", *arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_somebody_unknown(folder):
    done = bring(folder, str(write_csv(folder / "list.csv", listed(2))), "--name", "spring", by="bob")
    assert done.returncode == 1
    assert "voicebot people add bob --role operations" in done.stderr
