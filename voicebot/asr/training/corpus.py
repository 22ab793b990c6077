"""The sentences: templates and word lists of our own, expanded by a seed, with training, development and test apart.

`data/sentences.txt`: a template a line under "# topic" headings; "(a|b|)" is a choice (here the third one is nothing),
"{name}" a slot: a list of `data/lists.txt` or a generator below. `data/everyday.txt`: templates for the language model
alone; `data/phrases.txt`: phrases that it must know; `data/talk/*.txt`: sentences written one by one, of clients, of
everyday life, of the world at large, and whole telephone dialogues; `data/unseen/*.txt`: sentences by another hand, of
other wording, that only ever judge the model.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from voicebot.asr.training import spoken_numbers
from voicebot.asr.training.texts import headed, word_lists, written

_GENERATORS: dict[str, Callable[[random.Random], str]] = {
    "clock": spoken_numbers.clock,
    "code": spoken_numbers.stock_code,
    "date": spoken_numbers.date,
    "daytime": spoken_numbers.daytime,
    "decimal": spoken_numbers.decimal,
    "delay": spoken_numbers.delay,
    "money": spoken_numbers.money,
    "percent": spoken_numbers.percent,
    "percent_number": spoken_numbers.percent_number,
    "phone": spoken_numbers.phone,
    "span": spoken_numbers.span,
    "age": lambda rng: spoken_numbers.cardinal(rng.randint(18, 90)),
    "day": lambda rng: spoken_numbers.cardinal(rng.randint(1, 31)),
    "digit": lambda rng: rng.choice("一两三四五六七八九"),
    "digits": lambda rng: spoken_numbers.digits(rng, rng.choice((3, 4, 4, 4, 4, 5, 6, 6, 8))),
    "month": lambda rng: spoken_numbers.cardinal(rng.randint(1, 12)),
    "number": spoken_numbers.count,
    "year": lambda rng: "".join("零一二三四五六七八九"[int(digit)] for digit in str(rng.randint(1990, 2030))),
}
_FEW = 400  # a template with at most so many variants and no slots is taken whole, and only trains
_A_TEMPLATE = 190  # sentences a larger template is expanded to
_DEV_SHARE = _TEST_SHARE = 2  # percent of the larger templates' sentences


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in Hanzi and the topic it belongs to."""

    text: str
    topic: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All sentences, no text in two of the sets.

    `core`: the trade's short fixed answers; `train`: the expansions; `talk`: what was written one by one. To judge by:
    `dev`, `test`: expansions kept apart; `dev_talk`, `test_talk`: lines of the talk kept apart; `dev_free`,
    `test_free`: sentences whose very writer is kept apart.
    """

    core: tuple[Sentence, ...]
    train: tuple[Sentence, ...]
    talk: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    dev_talk: tuple[Sentence, ...]
    test_talk: tuple[Sentence, ...]
    dev_free: tuple[Sentence, ...]
    test_free: tuple[Sentence, ...]

    def digest(self) -> str:
        """SHA-256 over all sentences in order."""
        sets = (self.core, self.train, self.talk, *self.judging())
        lines = (sentence.text for part in sets for sentence in part)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def judging(self) -> tuple[tuple[Sentence, ...], ...]:
        """All sets that judge."""
        return (self.dev, self.test, self.dev_talk, self.test_talk, self.dev_free, self.test_free)


def build_corpus(seed: int) -> Corpus:
    """Expand every template; the same seed gives the same corpus."""
    core: dict[str, Sentence] = {}
    train: dict[str, Sentence] = {}
    held: dict[str, dict[str, Sentence]] = {"dev": {}, "test": {}}
    free = {name: dict.fromkeys(sentences) for name, sentences in _unseen().items()}
    unseen_texts = {sentence.text for sentences in free.values() for sentence in sentences}
    for number, (topic, template) in enumerate(_templates()):
        rng = random.Random(f"corpus:{seed}:{number}")  # noqa: S311 - reproducible, not secret
        small = _variants(template) <= _FEW and "{" not in template
        texts = _all(template) if small else _some(template, rng, _A_TEMPLATE)
        for text in texts:
            if text in unseen_texts:
                continue
            part = core if small else _part(text, train, held)
            part.setdefault(text, Sentence(text, topic))
    talk: dict[str, Sentence] = {}
    held_talk: dict[str, dict[str, Sentence]] = {"dev": {}, "test": {}}
    taken = unseen_texts | core.keys() | held["dev"].keys() | held["test"].keys()
    for name, text in written("talk"):
        if text not in taken:
            _part(text, talk, held_talk).setdefault(text, Sentence(text, name))
    # What a small template says is known, whatever another one made of it.
    for name in ("dev", "test"):
        held[name] = {text: sentence for text, sentence in held[name].items() if text not in core}
    expanded = [sentence for text, sentence in train.items() if text not in core and text not in talk]
    return Corpus(
        tuple(core.values()),
        tuple(expanded),
        tuple(talk.values()),
        tuple(held["dev"].values()),
        tuple(held["test"].values()),
        tuple(held_talk["dev"].values()),
        tuple(held_talk["test"].values()),
        tuple(free["dev"]),
        tuple(free["test"]),
    )


def trade_phrases() -> list[Sentence]:
    """What callees say by the handbook of the trade, word by word; the language model must know every one."""
    return [Sentence(line, heading) for heading, line in headed("phrases.txt")]


def more_sentences(seed: int, a_template: int, corpus: Corpus) -> Iterator[str]:
    """Expansions for the language model alone, as often as they come; nothing that judges the model is among them."""
    kept_apart = {sentence.text for part in corpus.judging() for sentence in part}
    for number, (_, template) in enumerate((*_templates(), *headed("everyday.txt"))):
        rng = random.Random(f"more:{seed}:{number}")  # noqa: S311 - reproducible, not secret
        choices = _variants(template) if "{" not in template else 1 << 40
        for _ in range(min(a_template, max(60, choices))):
            text = _expand(_parse(template), rng, as_common=True)
            if text and text not in kept_apart and _is_training_text(text):
                yield text


def _part(text: str, train: dict[str, Sentence], held: dict[str, dict[str, Sentence]]) -> dict[str, Sentence]:
    """The set a sentence belongs to, by its text alone: it stays there whatever else changes."""
    if len(text) < 4 or _is_training_text(text):
        return train
    return held["dev"] if zlib.crc32(text.encode()) % 100 < _DEV_SHARE else held["test"]


def _is_training_text(text: str) -> bool:
    return len(text) < 4 or zlib.crc32(text.encode()) % 100 >= _DEV_SHARE + _TEST_SHARE


@lru_cache(maxsize=1)
def _templates() -> tuple[tuple[str, str], ...]:
    return tuple(headed("sentences.txt"))


def _unseen() -> dict[str, list[Sentence]]:
    found: dict[str, list[Sentence]] = {"dev": [], "test": []}
    for name, line in written("unseen"):
        part, _, topic = name.partition("_")
        found[part].append(Sentence(line, topic))
    return found


# A template's tree: a text, a slot's name with braces, or a list of alternatives (each a list of such).
_Node = str | list[list["_Node"]]


@lru_cache(maxsize=4096)
def _parse(template: str) -> tuple[_Node, ...]:
    nodes, rest = _parse_sequence(template, 0)
    if rest != len(template):
        raise ValueError(f"unbalanced template: {template}")
    return tuple(nodes)


def _parse_sequence(text: str, at: int) -> tuple[list[_Node], int]:
    nodes: list[_Node] = []
    plain = ""
    while at < len(text) and text[at] not in "|)":
        if text[at] in "({" and plain:
            nodes.append(plain)
            plain = ""
        if text[at] == "{":
            end = text.index("}", at) + 1
            nodes.append(text[at:end])
            at = end
        elif text[at] == "(":
            alternatives: list[list[_Node]] = []
            while text[at] != ")":
                alternative, at = _parse_sequence(text, at + 1)
                alternatives.append(alternative)
            nodes.append(alternatives)
            at += 1
        else:
            plain += text[at]
            at += 1
    if plain:
        nodes.append(plain)
    return nodes, at


def _expand(nodes: tuple[_Node, ...] | list[_Node], rng: random.Random, *, as_common: bool = False) -> str:
    """A sentence of a template; `as_common`: common surnames as often as they are met, not all alike."""
    spoken = ""
    for node in nodes:
        if isinstance(node, list):
            spoken += _expand(rng.choice(node), rng, as_common=as_common)
        elif node.startswith("{"):
            spoken += _fill(node[1:-1], rng, as_common=as_common)
        else:
            spoken += node
    return spoken


def _fill(slot: str, rng: random.Random, *, as_common: bool) -> str:
    lists = word_lists()
    if slot == "name":
        family = "surname" if rng.random() < 0.97 else "double_surname"
        return _fill(family, rng, as_common=as_common) + rng.choice(lists["given"])
    if slot == "surname" and as_common:
        return rng.choices(lists[slot], cum_weights=_surname_weights())[0]
    generator = _GENERATORS.get(slot)
    return generator(rng) if generator else rng.choice(lists[slot])


@lru_cache(maxsize=1)
def _surname_weights() -> list[float]:
    """Cumulative; the list begins with the commonest, and frequency falls about as rank rises (Zipf)."""
    return list(itertools.accumulate(1 / (rank + 4) for rank in range(len(word_lists()["surname"]))))


def _variants(template: str) -> int:
    """How many choices a template offers, slots not counted."""

    def count(nodes: tuple[_Node, ...] | list[_Node]) -> int:
        product = 1
        for node in nodes:
            if isinstance(node, list):
                product *= sum(count(alternative) for alternative in node)
        return product

    return count(_parse(template))


def _all(template: str) -> list[str]:
    def spread(nodes: tuple[_Node, ...] | list[_Node]) -> list[str]:
        texts = [""]
        for node in nodes:
            options = (
                [text for alternative in node for text in spread(alternative)] if isinstance(node, list) else [node]
            )
            texts = [text + option for text in texts for option in options]
        return texts

    return [text for text in dict.fromkeys(spread(_parse(template))) if text]


def _some(template: str, rng: random.Random, count: int) -> list[str]:
    nodes = _parse(template)
    found = (_expand(nodes, rng) for _ in range(count * 2))
    return [text for text in dict.fromkeys(found) if text][:count]
