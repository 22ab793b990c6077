"""The language model: interpolated Witten-Bell n-grams over words that back off honestly to everyday words and single
characters, so that what no template says can still be heard.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

START, END = "<s>", "</s>"
History = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen on the development set.

    `order`: words a history and its successor span; `least_backoff`: the share of every history's mass that is left to
    shorter ones, whatever templates repeat; `everyday_share`: what everyday words get of the unigram mass;
    `least_count`: rarer n-grams of the highest order are dropped.
    """

    order: int = 4
    least_backoff: float = 0.1
    everyday_share: float = 0.4
    least_count: float = 0.9


@dataclass(frozen=True, slots=True)
class Arc:
    """From one history by a word (None: the back-off) to another, at a cost of −ln p; no `target`: the end."""

    source: History
    word: str | None
    cost: float
    target: History | None


class LanguageModel:
    """Counts of weighted sentences, and the back-off automaton made of them."""

    def __init__(self, everyday: Mapping[str, float], tuning: Tuning) -> None:
        """`everyday`: words known beyond the sentences, with their frequencies."""
        self._tuning = tuning
        self._counts: list[defaultdict[History, Counter[str]]] = [defaultdict(Counter) for _ in range(tuning.order)]
        total = sum(everyday.values())
        self._everyday = {word: frequency / total for word, frequency in everyday.items()}

    def add(self, sentences: Iterable[Sequence[str]], weight: float) -> None:
        """Count sentences (words), each `weight` times."""
        for words in sentences:
            line = (START, *words, END)
            for index in range(1, len(line)):
                for length in range(min(self._tuning.order, index + 1)):
                    self._counts[length][line[index - length : index]][line[index]] += weight  # type: ignore[assignment] # Counter of floats

    def words(self) -> set[str]:
        """All words that it can give."""
        return (set(self._counts[0][()]) | set(self._everyday)) - {END}

    def arcs(self) -> Iterator[Arc]:
        """The automaton; it starts in the history (START,)."""
        self._prune()
        histories = {history for counts in self._counts for history in counts}
        for counts in self._counts:
            for history, successors in counts.items():
                total, kinds = sum(successors.values()), len(successors)
                backoff = self._backoff(total, kinds) if history else 0.0
                words = successors if history else dict.fromkeys([*successors, *sorted(self._everyday)])
                for word in words:
                    cost = -math.log(self._probability(history, word))
                    if word == END:
                        yield Arc(history, END, cost, None)
                    else:
                        yield Arc(history, word, cost, self._known((*history, word), histories))
                if history:
                    yield Arc(history, None, -math.log(backoff), self._known(history[1:], histories))

    def _known(self, history: History, histories: set[History]) -> History:
        history = history[-(self._tuning.order - 1) :] if self._tuning.order > 1 else ()
        while history not in histories:
            history = history[1:]
        return history

    def _backoff(self, total: float, kinds: int) -> float:
        return max(self._tuning.least_backoff, kinds / (total + kinds))

    def _probability(self, history: History, word: str) -> float:
        if not history:
            counts = self._counts[0][()]
            everyday = self._tuning.everyday_share * self._everyday.get(word, 0.0)
            return (1 - self._tuning.everyday_share) * counts[word] / sum(counts.values()) + everyday
        lower = self._probability(history[1:], word)
        successors = self._counts[len(history)].get(history)
        if not successors:
            return lower
        total = sum(successors.values())
        backoff = self._backoff(total, len(successors))
        return (1 - backoff) * successors[word] / total + backoff * lower

    def _prune(self) -> None:
        highest = self._counts[-1]
        for history in list(highest):
            kept = Counter({word: n for word, n in highest[history].items() if n >= self._tuning.least_count})
            if kept:
                highest[history] = kept
            else:
                del highest[history]
