"""A firm's recordings on their way into training, with networks too small to learn anything."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.asr.manifest import MANIFEST_NAME, ModelManifest
from voicebot.asr.recognizer import AsrFault

from .conftest import Say
from .test_asr_alignment import SENTENCES, scores_of, spoken

torch = pytest.importorskip("torch", reason="belongs to the extra `train`")
pytest.importorskip("scipy", reason="belongs to the extra `train`")

from voicebot.asr.training import own_speech  # noqa: E402 - needs torch
from voicebot.asr.training.acoustic import Stage  # noqa: E402
from voicebot.asr.training.features import INPUTS  # noqa: E402
from voicebot.asr.training.labels import states_of  # noqa: E402
from voicebot.asr.training.listener import Listener, load_start, log_posteriors  # noqa: E402
from voicebot.asr.training.network import STATES, Network, Shape, folded  # noqa: E402
from voicebot.asr.training.nnet3 import Affine, write_model  # noqa: E402
from voicebot.asr.training.own_speech import OwnSpeech, mixed, texts_of  # noqa: E402
from voicebot.asr.training.phones import GARBAGE, UNITS  # noqa: E402
from voicebot.asr.training.synthesis import read_chunk, seconds_of, write_chunk  # noqa: E402
from voicebot.asr.training.train import _begin  # noqa: E402

TINY = Shape(front=8, width=12, bottleneck=4, ahead=(True, False))
PRIORS = np.full(STATES, 1 / STATES)


def tiny() -> Network:
    torch.manual_seed(0)
    return Network(TINY, torch.full((INPUTS,), 8.0), torch.full((INPUTS,), 3.0)).eval()


def firm(path: Path, say: Say) -> Path:
    """Five speakers with the same six sentences, and a bad line."""
    path.mkdir()
    lines = [{"audio": "missing.wav", "text": "好的", "speaker": "s0"}]
    for speaker in range(5):
        for number, text in enumerate(SENTENCES):
            name = f"{speaker}-{number}.flac"
            samples = np.frombuffer(say(text, ("m1", "m2", "m3", "f1", "f2")[speaker], 150 + 10 * number), "<i2")
            soundfile.write(path / name, np.pad(samples, 2000), 8000)
            lines.append({"audio": name, "text": text + "。", "speaker": f"s{speaker}"})
    manifest = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (path / "manifest.jsonl").write_text(manifest, encoding="utf-8")
    return path


def gathered(tmp_path: Path, say: Say, told: list[str], apart: tuple[str, ...] = ()) -> OwnSpeech:
    directory = tmp_path / "firm"
    if not directory.exists():
        firm(directory, say)
    return OwnSpeech.gather(directory, tmp_path / "own", seed=1, kept_apart=apart, say=told.append)


def test_recordings_are_gathered_once(tmp_path: Path, say: Say) -> None:
    told: list[str] = []
    own = gathered(tmp_path, say, told, apart=(SENTENCES[5],))
    assert told[0] == "left out: manifest.jsonl, line 1: missing.wav: no such file"
    facts = own.gathered
    assert (facts.by, facts.train_speakers, facts.judge_speakers, facts.left_out) == ("speaker", 4, 1, 1)
    # What judges the model in synthetic voices does not train; in a voice of its own it may judge.
    assert (facts.train, facts.kept_apart) == (20, 4)
    assert (facts.judge, facts.judge_known) == (1, 5)
    judging = {name: list(texts_of(paths)) for name, paths in own.judging.items()}
    assert judging["recordings"] == [SENTENCES[5]]
    assert set(judging["recordings, text trained"]) == set(SENTENCES[:5])
    (chunk,) = sorted((tmp_path / "own" / "train").glob("*.npz"))
    assert all(speech.segments[-1, 2] == len(speech.samples) for speech in read_chunk(chunk))
    assert not any(text in line for line in told for text in SENTENCES)
    before = chunk.stat().st_mtime_ns
    assert gathered(tmp_path, say, told) == own
    assert chunk.stat().st_mtime_ns == before
    (tmp_path / "firm" / "more.wav").write_bytes(b"")
    with pytest.raises(AsrFault, match="other recordings"):
        gathered(tmp_path, say, told)


def test_a_folder_without_anything(tmp_path: Path) -> None:
    with pytest.raises(AsrFault, match="--speech names the folder"):
        OwnSpeech.gather(tmp_path, tmp_path / "own", seed=1, kept_apart=(), say=print)
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    (tmp_path / "manifest.jsonl").write_text('{"audio": "a.wav", "text": "好的"}\n', encoding="utf-8")
    with pytest.raises(AsrFault, match="none of its recordings"):
        OwnSpeech.gather(tmp_path, tmp_path / "own", seed=1, kept_apart=(), say=print)


class Inline:
    """Stands in for child processes, each of which imports PyTorch for seconds."""

    def __init__(self, *_: object, **__: object) -> None:
        self.map = map

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_rounds_of_training_and_alignment(tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    own = gathered(tmp_path, say, told)
    synthetic = tmp_path / "chunk-0000.npz"
    write_chunk(synthetic, [spoken(text) for text in SENTENCES])
    trained: list[tuple[Stage, ...]] = []
    segments_of = {
        len(speech.samples): speech.segments
        for path in (tmp_path / "own" / "train").glob("*.npz")
        for speech in read_chunk(path)
    }
    lost = max(segments_of)  # the recording that no network finds its text in

    def train(stages: list[Stage], _dev: object, workdir: Path, **_: object) -> None:
        assert all(path.exists() for path in stages[-1].chunks)
        trained.append(tuple(stages))
        workdir.mkdir(exist_ok=True)
        counts, shape = np.ones(STATES).tolist(), json.dumps(asdict(TINY))
        torch.save({"network": tiny().state_dict(), "counts": counts, "shape": shape}, workdir / "network.pt")

    def scores(_network: Network, samples: np.ndarray) -> np.ndarray:
        frames = 1 + (len(samples) - 200) // 80
        states = states_of(segments_of[len(samples)], frames)
        return scores_of(states if len(samples) != lost else np.full_like(states, 2 * GARBAGE + 1), 0.95)

    monkeypatch.setattr(own_speech, "train_network", train)
    monkeypatch.setattr(own_speech, "log_posteriors", scores)
    monkeypatch.setattr(own_speech, "ProcessPoolExecutor", Inline)

    def cut() -> tuple[list[Path], Listener]:
        return own.cut(
            [Stage(f"round-{number}", (synthetic,), 1, 1e-3, 1e-3) for number in (1, 2)],
            [synthetic],
            begin_with=Listener.of(tiny(), PRIORS),
            share=0.5,
            seed=1,
            shape=TINY,
            processes=1,
            say=told.append,
        )

    chunks, listener = cut()
    assert listener.shape == TINY
    assert [path.parent.name for path in chunks] == ["round-2"]
    assert not list((tmp_path / "own").glob("round-[01]"))  # only the last one's speech is kept
    # Each round hears the recordings as the alignment before has cut them.
    rounds = [[path.parent.name for path in stages[-1].chunks if path != synthetic] for stages in trained]
    assert [set(names) for names in rounds] == [{"round-0"}, {"round-1"}]
    for each in own.rounds():
        assert each.aligned + each.collapsed + each.doubtful == own.gathered.train
        assert each.collapsed + each.doubtful >= 1
    assert len(own.rounds()) == 3
    assert all(len(speech.samples) != lost for path in chunks for speech in read_chunk(path))
    assert any(line.startswith("round 2: ") for line in told)
    # A second start finds everything there.
    trained.clear()
    assert cut()[0] == chunks
    assert not trained


def test_recordings_are_repeated_up_to_their_share(tmp_path: Path) -> None:
    speeches = [spoken(text) for text in SENTENCES]
    for name, part in (("one", speeches[:1]), ("six", speeches)):
        write_chunk(tmp_path / f"{name}.npz", part)
    one, six = tmp_path / "one.npz", tmp_path / "six.npz"
    times = mixed([six], [one], 0.5).count(one)
    assert times == round(seconds_of(six) / seconds_of(one))
    assert mixed([six], [one], 1 / 3).count(one) == round(0.5 * seconds_of(six) / seconds_of(one))
    assert mixed([six] * 90, [one], 0.5).count(one) == 20  # no more: it would be learned by heart
    assert mixed([one], [six], 1 / 3) == (one, six)


def model(path: Path, network: Network, **made: object) -> Path:
    scale = float(str(made.get("acoustic_scale", 1.0)))
    write_model(path / "am" / "final.mdl", folded(network, scale), PRIORS**scale, len(UNITS), INPUTS)
    facts = {"name": "m", "version": "1", "engine": "vosk", "language": "zh", "licence": "x", "synthetic": True}
    manifest = ModelManifest.model_validate({**facts, "files": {}, "made": {"recipe": made}})
    (path / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return path


def test_a_finished_model_is_taken_up_without_the_decoders_scale(tmp_path: Path) -> None:
    network = tiny()
    samples = spoken(SENTENCES[0]).samples
    wanted = log_posteriors(network, samples)
    listener = load_start(model(tmp_path, network, acoustic_scale=0.45), TINY)
    assert listener.knows_our_sounds
    assert np.allclose(listener.priors, PRIORS, rtol=1e-4)
    heard = log_posteriors(listener.network(), samples)
    assert heard.shape == wanted.shape == ((1 + (len(samples) - 200) // 80 + 2) // 3, STATES)
    assert np.abs(heard - wanted).max() < 0.05  # 16 bits a weight


def test_what_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(AsrFault, match="--start-from names the folder"):
        load_start(tmp_path, TINY)
    (tmp_path / "am").mkdir()
    (tmp_path / "am" / "final.mdl").write_bytes(b"\0B<TransitionModel> of somebody else")
    with pytest.raises(AsrFault, match="no model of ours"):
        load_start(tmp_path, TINY)
    whole = (model(tmp_path / "whole", tiny()) / "am" / "final.mdl").read_bytes()
    (tmp_path / "am" / "final.mdl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AsrFault, match="no model of ours"):
        load_start(tmp_path, TINY)
    for shape in (Shape(front=8, width=12, bottleneck=4, ahead=(True,)), Shape(front=9, width=12, bottleneck=4)):
        with pytest.raises(AsrFault, match=r"cannot be trained on: .*layer") as fault:
            load_start(tmp_path / "whole", shape)
        assert fault.value.permanent


def test_other_units_are_trained_on_but_align_nothing() -> None:
    listener = Listener.of(tiny(), PRIORS)
    *others, last = listener.layers
    fewer = Affine(last.weight[:10], last.bias[:10], last.offsets, relu=False)
    assert not Listener((*others, fewer), PRIORS, TINY).knows_our_sounds


def test_a_working_directory_serves_one_purpose(tmp_path: Path) -> None:
    _begin(tmp_path, None, None)
    _begin(tmp_path, None, tmp_path)  # nothing was made there yet
    (tmp_path / "network").mkdir()
    _begin(tmp_path, None, tmp_path)
    for start_from, speech in ((None, None), (tmp_path, tmp_path)):
        with pytest.raises(AsrFault, match=re.escape("name a fresh --workdir")):
            _begin(tmp_path, start_from, speech)
