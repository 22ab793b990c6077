"""What the script's tests share: a clock, the shipped flow, its sample contact, and a meaning made to measure."""

from datetime import datetime

import pytest

from voicebot.flow.dialogue import Heard
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.nlu.understanding import Intent, Slot, Understanding


@pytest.fixture(scope="session")
def now():
    return datetime(2026, 11, 23, 10, 0)


@pytest.fixture(scope="session")
def flow():
    return load("margin_call")


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
