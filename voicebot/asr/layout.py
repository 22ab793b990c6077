"""What kind of model lies in a folder, told by the names of its files alone."""

from __future__ import annotations

from pathlib import Path

_DEEPEST = 3  # folders that an archive may wrap around the model


def engine_of(directory: Path) -> str | None:
    """The engine whose model this is: "vosk" or "sherpa-onnx"; None for anything else."""
    return next((engine for engine in ("vosk", "sherpa-onnx") if not missing(directory, engine)), None)


def missing(directory: Path, engine: str) -> str:
    """What a model of this engine would need and is not in the folder, "" if nothing."""
    return _missing_of_vosk(directory) if engine == "vosk" else _missing_of_sherpa(directory)


def model_root(unpacked: Path, engine: str) -> Path | None:
    """The model in an unpacked archive: its own folder, or the only one in it, and so on; None where there is none."""
    folder = unpacked
    for _ in range(_DEEPEST + 1):
        if not missing(folder, engine):
            return folder
        inside = [path for path in folder.iterdir() if path.is_dir()]
        models = [path for path in inside if not missing(path, engine)]
        if len(models) == 1:
            return models[0]
        if len(inside) != 1:
            return None
        folder = inside[0]
    return None


def _missing_of_vosk(directory: Path) -> str:
    graphs = (("HCLG.fst",), ("HCLr.fst", "Gr.fst"))
    if not (directory / "am" / "final.mdl").is_file():
        return "am/final.mdl"
    if not (directory / "conf" / "model.conf").is_file():
        return "conf/model.conf"
    if not any(all((directory / "graph" / name).is_file() for name in names) for names in graphs):
        return "graph/HCLG.fst, or graph/HCLr.fst and graph/Gr.fst"
    return ""


def _missing_of_sherpa(directory: Path) -> str:
    """Transducers have encoder, decoder and joiner, paraformers the first two, CTC models one network."""
    if not (directory / "tokens.txt").is_file():
        return "tokens.txt"
    networks = [path.name for path in directory.glob("*.onnx")]
    encoder = any(name.startswith("encoder") for name in networks)
    decoder = any(name.startswith("decoder") for name in networks)
    if (encoder and decoder) or any(name.startswith(("model", "ctc")) for name in networks):
        return ""
    return "encoder*.onnx and decoder*.onnx, or model*.onnx"
