"""A plain model of what a recogniser does to a sentence, for measuring: no figure of any real recogniser."""

import random
from collections import defaultdict
from collections.abc import Iterable

from voicebot.nlu.characters import is_hanzi
from voicebot.nlu.sound import folded_readings, readings

FILLERS = "嗯啊那呃的"


class Mishearing:
    """Of the characters it takes wrong, six in ten become a homophone (tones aside), two a dialect's neighbour, one is
    lost, and after one a filler is inserted.
    """

    def __init__(self, characters: Iterable[str], seed: int):
        self.random = random.Random(seed)
        self.same, self.near = defaultdict(list), defaultdict(list)
        for char in sorted(set(filter(is_hanzi, characters))):
            self.same[readings(char)[0]].append(char)
            self.near[folded_readings(char)[0]].append(char)

    def hear(self, text: str, rate: float) -> str:
        """`text` with about `rate` of its characters taken wrong."""
        return "".join(self._hear(char) if is_hanzi(char) and self.random.random() < rate else char for char in text)

    def _hear(self, char: str) -> str:
        kind = self.random.random()
        if kind < 0.8:
            alike = self.same[readings(char)[0]] if kind < 0.6 else self.near[folded_readings(char)[0]]
            return self.random.choice([other for other in alike if other != char] or [char])
        return "" if kind < 0.9 else char + self.random.choice(FILLERS)
