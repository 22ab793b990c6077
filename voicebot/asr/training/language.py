"""The language model: interpolated Kneser-Ney n-grams over words that back off honestly to everyday words and single
characters, so that what nobody foresaw can still be heard.

Shorter histories count in how many contexts a word follows, not how often: on everyday sentences by another hand that
took the perplexity a character from 132 (Witten-Bell) to 99.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

START, END, UNKNOWN = "<s>", "</s>", "[unk]"
History = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen on the development set.

    `order`: words a history and its successor span; `discount`: what every n-gram gives up to shorter histories;
    `everyday_share`: what everyday words get of the unigram mass, `unknown_share` speech in no known words;
    `least_counts`: rarer n-grams of three words, four … are dropped; `least_gain`: so are those (of three words and
    more) that gain less than this many nats, all their occurrences together, over what shorter histories would say.
    """

    order: int = 4
    discount: float = 0.8
    everyday_share: float = 0.15
    unknown_share: float = 0.02
    least_counts: tuple[float, ...] = (0.9, 1.9)
    least_gain: float = 4.0


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
        # Of each history: the mass its n-grams had before any was dropped, and the share left to shorter histories.
        self._mass: dict[History, tuple[float, float]] = {}

    def add(self, sentences: Iterable[Sequence[str]], weight: float) -> None:
        """Count sentences (words), each `weight` times."""
        for words in sentences:
            line = (START, *words, END)
            for index in range(1, len(line)):
                for length in range(min(self._tuning.order, index + 1)):
                    self._counts[length][line[index - length : index]][line[index]] += weight  # type: ignore[assignment] # Counter of floats

    def words(self) -> set[str]:
        """All words that it can give."""
        return (set(self._counts[0][()]) | set(self._everyday) | {UNKNOWN}) - {END}

    def arcs(self) -> Iterator[Arc]:
        """The automaton; it starts in the history (START,). To be asked once, when everything was added."""
        self._count_contexts()
        self._weigh_and_prune()
        histories = {history for counts in self._counts for history in counts}
        for counts in self._counts:
            for history, successors in counts.items():
                words = successors if history else dict.fromkeys([*successors, *sorted(self._everyday), UNKNOWN])
                for word in words:
                    cost = -math.log(self.probability(history, word))
                    if word == END:
                        yield Arc(history, END, cost, None)
                    else:
                        yield Arc(history, word, cost, self._known((*history, word), histories))
                if history:
                    _, backoff = self._mass[history]
                    yield Arc(history, None, -math.log(max(backoff, 1e-9)), self._known(history[1:], histories))

    def probability(self, history: History, word: str) -> float:
        """Of a word after a history that `arcs` knows."""
        if not history:
            counts, tuning = self._counts[0][()], self._tuning
            known = (1 - tuning.everyday_share) * counts[word] / sum(counts.values())
            known += tuning.everyday_share * self._everyday.get(word, 0.0)
            return (1 - tuning.unknown_share) * known + (tuning.unknown_share if word == UNKNOWN else 0.0)
        lower = self.probability(history[1:], word)
        if history not in self._mass:
            return lower
        total, backoff = self._mass[history]
        count = self._counts[len(history)][history][word]
        return (count - self._discount(count)) / total + backoff * lower

    def _known(self, history: History, histories: set[History]) -> History:
        history = history[-(self._tuning.order - 1) :] if self._tuning.order > 1 else ()
        while history not in histories:
            history = history[1:]
        return history

    def _discount(self, count: float) -> float:
        return self._tuning.discount * min(1.0, count)

    def _count_contexts(self) -> None:
        """Below the highest order an n-gram counts once for every word it follows (at a sentence's start: as it is)."""
        for length in range(self._tuning.order - 1):
            contexts: defaultdict[History, Counter[str]] = defaultdict(Counter)
            for longer, successors in self._counts[length + 1].items():
                for word, count in successors.items():
                    contexts[longer[1:]][word] += min(1.0, count)  # type: ignore[assignment] # Counter of floats
            for history in self._counts[length]:
                if history in contexts and history[:1] != (START,):
                    self._counts[length][history] = contexts[history]

    def _weigh_and_prune(self) -> None:
        """Fix what every history leaves to shorter ones, from the shortest up: what is dropped depends on those."""
        for length in range(1, self._tuning.order):
            least = self._tuning.least_counts[length - 2] if length >= 2 else 0.0
            for history, successors in list(self._counts[length].items()):
                total = sum(successors.values())
                kept = Counter(
                    {
                        word: n
                        for word, n in successors.items()
                        if n >= least and (length < 2 or self._gain(history, word, n, total) >= self._tuning.least_gain)
                    }
                )
                if not kept:
                    del self._counts[length][history]
                    continue
                given = sum(n - self._discount(n) for n in kept.values())
                self._counts[length][history] = kept
                self._mass[history] = (total, 1 - given / total)

    def _gain(self, history: History, word: str, count: float, total: float) -> float:
        """What the model loses, in nats over all occurrences, when this n-gram goes."""
        lower = self.probability(history[1:], word)
        with_it = (count - self._discount(count)) / total + (1 - (total - self._discount(count)) / total) * lower
        return count * math.log(with_it / max(lower, 1e-12)) if with_it > lower else 0.0
