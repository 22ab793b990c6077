"""The decoding graph that vosk composes while it listens: HCLr.fst (sounds to words, with look-ahead) and Gr.fst.

With one phone a context and one fixed topology H∘C∘L is the lexicon with each phone replaced by its forward
transition; self-loops are added after determinisation. Debian's `fstconvert` turns it into the look-ahead type; the
words are numbered anew by it, so words.txt and G take the new numbers.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import kaldifst

from voicebot.asr.training.language import END, START, UNKNOWN, Arc, History
from voicebot.asr.training.lexicon import Reading
from voicebot.asr.training.nnet3 import phone_count, phone_of
from voicebot.asr.training.phones import GARBAGE, SILENCE, UNIT_ID, UNITS, units_of

_HALF = math.log(2)
_PLUGIN_DIRECTORIES = ("/usr/lib/x86_64-linux-gnu/fst/22", "/usr/lib/aarch64-linux-gnu/fst/22")
_BEGIN, _END, _INSIDE, _ALONE = range(4)

Lexicon = Mapping[str, Mapping[Reading, float]]  # word → reading → cost


def missing_tools() -> str:
    """What the Debian packages must bring and does not lie here; "" when all is there."""
    if shutil.which("fstconvert") is None:
        return "fstconvert (Debian: apt-get install libfst-tools libfst22-plugins-base)"
    if not any(Path(directory, "olabel_lookahead-fst.so").exists() for directory in _PLUGIN_DIRECTORIES):
        return "OpenFst's look-ahead plugin (Debian: apt-get install libfst22-plugins-base)"
    return ""


def phones_of(reading: Reading) -> tuple[int, ...]:
    """Kaldi's phones of a word."""
    units = [UNIT_ID[unit] for syllable in reading for unit in units_of(syllable)]
    if len(units) == 1:
        return (phone_of(units[0], _ALONE),)
    inside = [phone_of(unit, _INSIDE) for unit in units[1:-1]]
    return (phone_of(units[0], _BEGIN), *inside, phone_of(units[-1], _END))


def write_graph(directory: Path, lexicon: Lexicon, arcs: Iterable[Arc], workdir: Path) -> None:
    """Write a model's `graph/` for these words and this language model. Raises `RuntimeError` when a tool fails."""
    (directory / "phones").mkdir(parents=True, exist_ok=True)
    workdir.mkdir(parents=True, exist_ok=True)
    words = [*sorted(lexicon), UNKNOWN]
    number = {word: index for index, word in enumerate(words, 1)}
    transitions = 2 * phone_count(len(UNITS))
    entries = [
        (number[word], phones_of(reading), cost)
        for word in sorted(lexicon)
        for reading, cost in sorted(lexicon[word].items())
    ]
    entries.append((number[UNKNOWN], (phone_of(GARBAGE, _ALONE),), 0.0))
    graph, disambiguators = _lexicon_fst(entries, transitions)
    kaldifst.determinize_star(graph)
    kaldifst.minimize_encoded(graph)
    looped = _with_self_loops(graph, transitions)
    kaldifst.arcsort(looped, "olabel")
    plain, relabel = workdir / "HCL.fst", workdir / "relabel.txt"
    looped.write(str(plain))
    _convert(["--fst_type=olabel_lookahead", f"--save_relabel_opairs={relabel}", plain, directory / "HCLr.fst"])
    pairs = (line.split() for line in relabel.read_text(encoding="utf-8").splitlines())
    new_number = {int(old): int(new) for old, new in pairs}
    last = max(new_number.values())
    table = {"<eps>": 0}
    for word in words:
        renumbered = new_number.get(number[word])
        if renumbered is None:
            last += 1
            renumbered = last
        table[word] = renumbered
    for word in ("#0", START, END):
        last += 1
        table[word] = last
    lines = (f"{word} {index}\n" for word, index in sorted(table.items(), key=lambda item: item[1]))
    (directory / "words.txt").write_text("".join(lines), encoding="utf-8")
    grammar = workdir / "G.fst"
    _grammar_fst(arcs, table).write(str(grammar))
    _convert(["--fst_type=const", grammar, directory / "Gr.fst"])
    disambiguation = (f"{transitions + index}\n" for index in range(1, disambiguators + 1))
    (directory / "disambig_tid.int").write_text("".join(disambiguation), encoding="ascii")
    _write_phones(directory)


def _write_phones(directory: Path) -> None:
    positions = (("begin", "B", _BEGIN), ("end", "E", _END), ("internal", "I", _INSIDE), ("singleton", "S", _ALONE))
    names, boundaries = ["<eps> 0", "SIL 1"], ["1 nonword"]
    for unit in range(1, len(UNITS)):
        for kind, mark, position in positions:
            names.append(f"{UNITS[unit]}_{mark} {phone_of(unit, position)}")
            boundaries.append(f"{phone_of(unit, position)} {kind}")
    (directory / "phones.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    (directory / "phones" / "word_boundary.int").write_text("\n".join(boundaries) + "\n", encoding="ascii")


def _convert(arguments: Sequence[str | Path]) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(_PLUGIN_DIRECTORIES)}
    done = subprocess.run(
        ["fstconvert", *map(str, arguments)], env=environment, capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise RuntimeError(f"fstconvert failed: {done.stderr.strip()[-300:]}")


def _lexicon_fst(
    entries: Sequence[tuple[int, tuple[int, ...], float]], transitions: int
) -> tuple[kaldifst.StdVectorFst, int]:
    """The lexicon over forward transitions (2·phone), silence optional after each word; how many disambiguators."""
    homophones = Counter(phones for _, phones, _ in entries)
    prefixes = {phones[:length] for phones in homophones for length in range(1, len(phones))}
    seen: Counter[tuple[int, ...]] = Counter()
    fst = kaldifst.StdVectorFst()
    start, loop, silence, after_silence = (fst.add_state() for _ in range(4))
    fst.start = start
    fst.set_final(loop, 0.0)

    def arc(source: int, label: int, word: int, cost: float, target: int) -> None:
        fst.add_arc(source, kaldifst.StdArc(label, word, cost, target))

    most = 0
    for word, phones, cost in entries:
        labels = [2 * phone for phone in phones]
        if homophones[phones] > 1 or phones in prefixes:
            seen[phones] += 1
            most = max(most, seen[phones])
            labels.append(transitions + seen[phones])
        state = loop
        for index, label in enumerate(labels):
            here_word, here_cost = (word, cost) if index == 0 else (0, 0.0)
            if index == len(labels) - 1:
                arc(state, label, here_word, here_cost + _HALF, loop)
                arc(state, label, here_word, here_cost + _HALF, silence)
            else:
                following = fst.add_state()
                arc(state, label, here_word, here_cost, following)
                state = following
    arc(start, 0, 0, _HALF, loop)
    arc(start, 0, 0, _HALF, silence)
    arc(silence, 2 * phone_of(SILENCE, 0), 0, 0.0, after_silence)
    arc(after_silence, transitions + most + 1, 0, 0.0, loop)
    kaldifst.arcsort(fst, "ilabel")
    return fst, most + 1


def _with_self_loops(fst: kaldifst.StdVectorFst, transitions: int) -> kaldifst.StdVectorFst:
    """Stay in a sound as long as it lasts: each state gets the self-loop (2·phone − 1) of the sound that led to it.

    A state that several sounds lead to is given one state for each before it.
    """
    count = fst.num_states
    arcs = [
        [(a.ilabel, a.olabel, a.weight.value, a.nextstate) for a in kaldifst.ArcIterator(fst, state)]
        for state in range(count)
    ]
    incoming: list[set[int]] = [set() for _ in range(count)]
    for leaving in arcs:
        for label, _, _, target in leaving:
            incoming[target].add(label if 0 < label <= transitions else 0)
    incoming[fst.start].add(0)
    looped = kaldifst.StdVectorFst()
    for _ in range(count):
        looped.add_state()
    looped.start = fst.start
    entry: dict[tuple[int, int], int] = {}

    def arc(source: int, label: int, word: int, cost: float, target: int) -> None:
        looped.add_arc(source, kaldifst.StdArc(label, word, cost, target))

    for state in range(count):
        final = fst.final(state).value
        if final != math.inf:
            looped.set_final(state, final)
        sounds = sorted(incoming[state] - {0})
        if incoming[state] == set(sounds) and len(sounds) == 1:
            entry[state, sounds[0]] = state
            arc(state, sounds[0] - 1, 0, _HALF, state)
            continue
        for label in sounds:
            before = entry[state, label] = looped.add_state()
            arc(before, label - 1, 0, _HALF, before)
            arc(before, 0, 0, 0.0, state)
    for state in range(count):
        for label, word, cost, target in arcs[state]:
            if 0 < label <= transitions:
                arc(state, label, word, cost + _HALF, entry[target, label])
            else:
                arc(state, label, word, cost, target)
    return looped


def _grammar_fst(arcs: Iterable[Arc], table: Mapping[str, int]) -> kaldifst.StdVectorFst:
    fst = kaldifst.StdVectorFst()
    states: dict[History, int] = {}

    def state_of(history: History) -> int:
        if history not in states:
            states[history] = fst.add_state()
        return states[history]

    fst.start = state_of((START,))
    for arc in arcs:
        source = state_of(arc.source)
        if arc.target is None:
            fst.set_final(source, arc.cost)
        else:
            label = 0 if arc.word is None else table[arc.word]
            fst.add_arc(source, kaldifst.StdArc(label, label, arc.cost, state_of(arc.target)))
    kaldifst.connect(fst)
    kaldifst.arcsort(fst, "ilabel")
    return fst
