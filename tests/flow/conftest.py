"""What the script's tests share: a clock, the shipped flow, its sample contact, and a meaning made to measure."""

from datetime import datetime
from pathlib import Path

import pytest

from voicebot.flow.dialogue import Heard
from voicebot.flow.loading import FLOWS, find, load, names
from voicebot.flow.sample import sample_slots
from voicebot.nlu.understanding import Intent, Slot, Understanding


@pytest.fixture(scope="session")
def now():
    return datetime(2026, 11, 23, 10, 0)


@pytest.fixture(scope="session")
def flow():
    return load("margin_call")


EVERYTHING = Path(__file__).parent / "flows" / "everything"


@pytest.fixture(scope="session")
def everything_folder():
    """A script that uses every part of the language."""
    return EVERYTHING


@pytest.fixture(scope="session")
def everything(everything_folder):
    return load(everything_folder)


@pytest.fixture(scope="session", params=[*(FLOWS / name for name in names()), EVERYTHING], ids=lambda f: f.name)
def any_folder(request):
    """Each shipped script, and the one with everything."""
    return request.param


@pytest.fixture(scope="session")
def any_flow(any_folder):
    return load(any_folder)


@pytest.fixture(scope="session")
def contact(now):
    return sample_slots(find("margin_call"), now)


@pytest.fixture(scope="session")
def heard():
    """`heard("affirm", amount="200000")`: an input that means just this."""

    def make(*intents, **slots):
        meant = tuple(Intent(name, 0.9) for name in intents)
        return Heard(Understanding("…", meant, tuple(Slot(type_, "…", value, 0, 1) for type_, value in slots.items())))

    return make
