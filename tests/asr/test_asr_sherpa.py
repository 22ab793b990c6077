"""The sherpa-onnx ear: each kind of model, hot words, the audio clock, and its care with model folders."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx
import pytest

from voicebot.asr.evaluate import Recording, measure
from voicebot.asr.manifest import MANIFEST_NAME, digests, read_manifest
from voicebot.asr.onnx_file import read_metadata
from voicebot.asr.recognizer import AsrFault, Transcript
from voicebot.asr.sherpa import CTC_CONFIDENCE, SherpaEar, _hot_words
from voicebot.asr.sherpa_model import find_model

from . import tiny_onnx as tiny
from .conftest import DATA, MODEL, PHRASES

CTC, TRANSDUCER = DATA / "sherpa-ctc", DATA / "sherpa-transducer"
SECOND = bytes(16000)
LINE = "知道了"


@pytest.fixture
def ctc(tmp_path: Path) -> Path:
    return unchecked(CTC, tmp_path / "model")


@pytest.fixture
def transducer(tmp_path: Path) -> Path:
    return unchecked(TRANSDUCER, tmp_path / "model")


def unchecked(source: Path, target: Path) -> Path:
    """A copy without a manifest, as an official model comes."""
    shutil.copytree(source, target)
    (target / MANIFEST_NAME).unlink()
    return target


def built(kind: str, folder: Path) -> Path:
    """A folder with the tiny network, or none, in another layout."""
    tokens = [line.rpartition(" ")[0] for line in (CTC / "tokens.txt").read_text(encoding="utf-8").splitlines()]
    weights = tiny.read_weights(CTC / "model.onnx")
    made = {
        "nemo-ctc": lambda: {"model.int8": tiny.nemo_ctc(weights)},
        "wenet-ctc": lambda: {"model-streaming": tiny.wenet_ctc(weights)},
        "paraformer": lambda: tiny.paraformer(tokens, "嗯"),
    }[kind]()
    folder.mkdir()
    for name, model in made.items():
        onnx.save(model, folder / f"{name}.onnx")
    (folder / "tokens.txt").write_text(tiny.tokens_text(tokens), encoding="utf-8")
    return folder


def hear(ear: SherpaEar, pcm: bytes, phrases: tuple[str, ...] = ()) -> list[Transcript]:
    recognizer = ear.open(phrases)
    heard = (recognizer.accept(pcm[i : i + 320]) for i in range(0, len(pcm), 320))
    finals = [transcript for transcript in heard if transcript is not None and transcript.final]
    finals.append(recognizer.finish())
    recognizer.close()
    return [final for final in finals if final.text]


def refused(folder: Path) -> str:
    with pytest.raises(AsrFault) as fault:
        SherpaEar(folder)
    assert fault.value.permanent
    message = str(fault.value)
    assert "\n" not in message
    return message


# ---------------------------------------------------------------- what it hears


@pytest.mark.parametrize("folder", [CTC, TRANSDUCER])
def test_manifest_names_every_file_and_says_synthetic(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.files == digests(folder)
    assert manifest.synthetic
    assert manifest.licence == "Apache-2.0"
    assert sum(file.bytes for file in manifest.files.values()) < 2_000_000


def test_info_and_kind(sherpa_ctc_ear: SherpaEar, sherpa_transducer_ear: SherpaEar) -> None:
    assert (sherpa_ctc_ear.info.engine, sherpa_ctc_ear.info.model) == ("sherpa", "sherpa-ctc")
    assert (sherpa_ctc_ear.kind, sherpa_transducer_ear.kind) == ("zipformer2-ctc", "transducer")


@pytest.mark.parametrize("kind", ["wenet-ctc", "nemo-ctc"])
def test_other_ctc_layouts(kind: str, tmp_path: Path, say) -> None:
    ear = SherpaEar(built(kind, tmp_path / "model"))
    assert ear.kind == kind
    assert ear.info.version.startswith("sherpa-onnx ")
    speech = say(LINE)
    finals = hear(ear, (SECOND + speech + SECOND) * 2)
    for final, onset_ms in zip(finals, (1000, 3000 + len(speech) // 16), strict=True):
        # NeMo's filter banks are others than those the network was trained on: it hears, but not as well.
        assert final.text == LINE if kind == "wenet-ctc" else set(final.text) & set(LINE)
        assert final.confidence == pytest.approx(CTC_CONFIDENCE)
        assert abs(final.words[0].start_ms - onset_ms) < 300


def test_paraformer_with_estimated_times(tmp_path: Path, say) -> None:
    ear = SherpaEar(built("paraformer", tmp_path / "model"))
    assert ear.kind == "paraformer"
    speech = say("明天上午下午三点再打")
    recognizer = ear.open()
    finals = []
    for _ in range(2):
        for at in range(0, len(pcm := SECOND + speech + SECOND * 2), 320):
            if (heard := recognizer.accept(pcm[at : at + 320])) and heard.final:
                finals.append(heard)
        assert recognizer.finish().text == ""
    length_ms = len(speech) // 16
    assert len(finals) == 2
    for final, onset_ms in zip(finals, (1000, 4000 + length_ms), strict=True):
        assert set(final.text) == {"嗯"}
        assert abs(len(final.text) - length_ms / 240) < 3
        assert abs(final.words[0].start_ms - onset_ms) < 700  # a step of 600 ms
        assert abs(final.words[-1].end_ms - onset_ms - length_ms) < 800
        assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(final.words))
    recognizer.close()


def test_every_phrase_in_both_layouts(sherpa_ctc_ear: SherpaEar, sherpa_transducer_ear: SherpaEar, say) -> None:
    for ear in (sherpa_ctc_ear, sherpa_transducer_ear):
        result = measure(ear, [Recording(SECOND + say(text) + SECOND, text) for text in PHRASES])
        assert result["sentence_accuracy"] >= 0.95


def test_the_clock_goes_on_behind_a_turns_end(sherpa_ctc_ear: SherpaEar, say) -> None:
    recognizer = sherpa_ctc_ear.open()
    pcm = SECOND + say(LINE) + SECOND[:3200]
    for turn in range(3):
        recognizer.accept(pcm)
        words = recognizer.finish().words
        assert "".join(word.text for word in words) == LINE
        assert abs(words[0].start_ms - 1000 - turn * len(pcm) // 16) < 200
    recognizer.close()


def test_a_long_piece_keeps_every_final(sherpa_ctc_ear: SherpaEar, say) -> None:
    recognizer = sherpa_ctc_ear.open()
    first = recognizer.accept((SECOND + say(LINE) + SECOND * 2) * 2)
    second = recognizer.finish()
    assert first is not None
    assert [first.text, first.final, second.text] == [LINE, True, LINE]
    assert second.words[0].start_ms > first.words[-1].end_ms
    recognizer.close()


def test_calls_share_an_ear(sherpa_ctc_ear: SherpaEar, sherpa_transducer_ear: SherpaEar, say) -> None:
    pcm = SECOND + say(LINE) + SECOND
    ears = [sherpa_ctc_ear, sherpa_transducer_ear] * 4
    with ThreadPoolExecutor(len(ears)) as pool:
        heard = list(pool.map(lambda ear: [final.text for final in hear(ear, pcm)], ears))
    assert heard == [[LINE]] * len(ears)


def test_transducers_tell_how_sure_they_are(sherpa_transducer_ear: SherpaEar, say) -> None:
    (final,) = hear(sherpa_transducer_ear, SECOND + say(LINE) + SECOND)
    assert len({word.confidence for word in final.words}) > 1
    assert all(0 < word.confidence <= 1 for word in final.words)


# ---------------------------------------------------------------- hot words


def test_hot_words_tell_homophones_apart(sherpa_transducer_ear: SherpaEar, say) -> None:
    pcm = SECOND + say("我找王丽") + SECOND
    heard = [
        "".join(final.text for final in hear(sherpa_transducer_ear, pcm, phrases))
        for phrases in ((), ("王莉",), ("王丽",), ("不在",), ())
    ]
    assert heard == ["我找王丽", "我找王莉", "我找王丽", "我找王丽", "我找王丽"]


def test_hot_words_are_ignored_where_the_model_cannot(sherpa_ctc_ear: SherpaEar, say) -> None:
    (final,) = hear(sherpa_ctc_ear, SECOND + say("我找王丽") + SECOND, ("王莉",))
    assert final.text == "我找王丽"


@pytest.mark.parametrize(
    ("phrases", "taken"),
    [
        ([], ""),
        (["王莉", "打错了"], "王莉/打错了"),
        ([" 王 莉 ", "王莉"], "王莉"),
        (["龘龘", "王龘", "", "王/莉", ":2", "王莉 :9"], ""),
    ],
)
def test_only_what_the_model_can_spell_goes_to_the_engine(phrases: list[str], taken: str) -> None:
    assert _hot_words(find_model(TRANSDUCER), phrases) == taken
    assert _hot_words(find_model(CTC), phrases) == ""


def test_no_name_gets_onto_stderr(sherpa_transducer_ear: SherpaEar, capfd: pytest.CaptureFixture[str]) -> None:
    sherpa_transducer_ear.open(["欧阳龘", "王莉", "王:莉", "Smith"]).close()
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------- folders


def test_int8_is_preferred_but_for_the_decoder(transducer: Path) -> None:
    for part in ("encoder", "decoder", "joiner"):
        shutil.copy(transducer / f"{part}.onnx", transducer / f"{part}.int8.onnx")
    names = {part: path.name for part, path in find_model(transducer).files.items()}
    assert names == {"encoder": "encoder.int8.onnx", "decoder": "decoder.onnx", "joiner": "joiner.int8.onnx"}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: shutil.rmtree(folder), "no model directory"),
        (lambda folder: (folder / "decoder.onnx").unlink(), "no decoder"),
        (lambda folder: (folder / "encoder.onnx").unlink(), "no encoder"),
        (lambda folder: (folder / "joiner.onnx").unlink(), "no joiner"),
        (lambda folder: (folder / "joiner.onnx").write_bytes(b""), "joiner.onnx is empty"),
        (lambda folder: (folder / "joiner.onnx").write_bytes(b"nonsense" * 9), "joiner.onnx is no whole ONNX model"),
        (lambda folder: cut(folder / "encoder.onnx"), "encoder.onnx is no whole ONNX model"),
        (lambda folder: (folder / "tokens.txt").unlink(), "tokens.txt is missing"),
        (lambda folder: (folder / "tokens.txt").write_text(""), "tokens.txt is empty"),
        (lambda folder: (folder / "tokens.txt").write_text("a b c\n"), "no list of tokens (line 1)"),
        (lambda folder: (folder / "tokens.txt").write_text("<blk> 0\nHELLO 1\n"), "knows no Chinese"),
        (lambda folder: relabel(folder / "encoder.onnx", T=None), "does not stream"),
        (lambda folder: relabel(folder / "encoder.onnx", T="many"), "T='many'"),
        (lambda folder: relabel(folder / "encoder.onnx", d_model=None), "sherpa-onnx fails on this model"),
        (lambda folder: relabel(folder / "encoder.onnx", T="40"), "sherpa-onnx fails on this model"),
    ],
)
def test_damaged_folders(transducer: Path, damage, expected: str) -> None:
    damage(transducer)
    assert expected in refused(transducer)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "holds no *.onnx"),
        (lambda folder: relabel(folder / "model.onnx", T=None), "do not stream"),
        (lambda folder: (folder / "tokens.txt").write_text("好 0\n"), "names none of <blk>"),
    ],
)
def test_damaged_ctc_folders(ctc: Path, damage, expected: str) -> None:
    damage(ctc)
    assert expected in refused(ctc)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def relabel(path: Path, **changes: str | None) -> None:
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {k: v for k, v in (metadata | changes).items() if v is not None})
    onnx.save(model, path)


def test_a_changed_file_differs_from_its_manifest(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(CTC, tmp_path / "model"))
    cut(copy / "model.onnx")
    assert "bytes instead of" in refused(copy)


def test_time_stamps_of_another_subsampling(ctc: Path) -> None:
    """sherpa-onnx counts every output as 40 ms; a model of 80 ms says so in its metadata."""
    assert find_model(ctc).time_scale == 1
    relabel(ctc / "model.onnx", subsampling_factor="8")
    assert find_model(ctc).time_scale == 2


def test_metadata_is_what_the_onnx_package_reads() -> None:
    for path in (CTC / "model.onnx", TRANSDUCER / "encoder.onnx"):
        assert read_metadata(path) == {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_whatever_the_bytes_are_they_end_in_one_line(tmp_path: Path) -> None:
    whole = (TRANSDUCER / "joiner.onnx").read_bytes()
    path = tmp_path / "joiner.onnx"
    for length in range(len(whole)):
        for content in (whole[:length], whole[:length] + b"\xff" + whole[length + 1 :], b"\xff" * length):
            path.write_bytes(content)
            with contextlib.suppress(AsrFault):
                read_metadata(path)


def test_without_the_package_one_line_says_what_to_do() -> None:
    code = (
        "import sys; sys.modules['sherpa_onnx'] = None; from pathlib import Path;"
        "from voicebot.asr.recognizer import AsrFault\n"
        "from voicebot.asr.sherpa import SherpaEar\n"
        "try: SherpaEar(Path(sys.argv[1]))\n"
        "except AsrFault as fault: print(fault, fault.permanent)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(CTC)], capture_output=True, text=True, check=True)
    assert "run `pip install sherpa-onnx`" in done.stdout
    assert done.stdout.endswith("True\n")


ONE_PROCESS = """\
import json, sys
from pathlib import Path
pcm = bytes(32000)
def vosk():
    from voicebot.asr.vosk import VoskEar
    return VoskEar(Path(sys.argv[2]), trusted=True)
def sherpa():
    from voicebot.asr.sherpa import SherpaEar
    return SherpaEar(Path(sys.argv[3]), trusted=True)
def onnxruntime():
    import onnxruntime
    model = onnxruntime.InferenceSession(sys.argv[3] + "/joiner.onnx", providers=["CPUExecutionProvider"])
    return type("Session", (), {"open": lambda self: model})()
ears = [globals()[name]() for name in json.loads(sys.argv[1])]
for ear in ears + ears[::-1]:
    stream = ear.open()
    if hasattr(stream, "accept"):
        stream.accept(pcm)
        assert stream.finish().text == ""
        stream.close()
print("well")
"""


@pytest.mark.parametrize("order", list(itertools.permutations(["vosk", "sherpa", "onnxruntime"])), ids="-".join)
def test_engines_share_a_process(order: tuple[str, ...]) -> None:
    """libvosk hangs beside kaldifst; sherpa-onnx, which carries parts of that, and its own onnxruntime do no harm."""
    if "onnxruntime" in order:
        pytest.importorskip("onnxruntime")
    command = [sys.executable, "-c", ONE_PROCESS, json.dumps(order), str(MODEL), str(TRANSDUCER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr[-500:]
