"""Runs in PaddleSpeech's own environment (see `make test-paddle`): makes a tiny conformer with random weights and
starts the real streaming server on it. What it "recognises" is nonsense; protocol and timing are the real ones.

    python serve.py FOLDER PORT
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

import paddle
import paddlespeech.cli  # noqa: F401 - first, because its parts import each other
import yaml
from paddlespeech.resource import CommonTaskResource
from paddlespeech.s2t.models.u2 import U2Model
from paddlespeech.server.bin.paddlespeech_server import ServerExecutor
from yacs.config import CfgNode

CHARACTERS = "我是你的好不对了知道打错人在明天转万元"
VOCABULARY = ["<blank>", "<unk>", *CHARACTERS, "<eos>"]

MODEL: dict[str, Any] = {
    "unit_type": "char",
    "spm_model_prefix": "",
    "input_dim": 80,
    "output_dim": len(VOCABULARY),
    "cmvn_file": None,
    "cmvn_file_type": "json",
    "encoder": "conformer",
    "encoder_conf": {
        "output_size": 32,
        "attention_heads": 2,
        "linear_units": 64,
        "num_blocks": 2,
        "dropout_rate": 0.0,
        "positional_dropout_rate": 0.0,
        "attention_dropout_rate": 0.0,
        "input_layer": "conv2d",
        "normalize_before": True,
        "use_cnn_module": True,
        "cnn_module_kernel": 15,
        "activation_type": "swish",
        "pos_enc_layer_type": "rel_pos",
        "selfattention_layer_type": "rel_selfattn",
        "causal": True,
        "use_dynamic_chunk": True,
        "cnn_module_norm": "layer_norm",
        "use_dynamic_left_chunk": False,
    },
    "decoder": "transformer",
    "decoder_conf": {
        "attention_heads": 2,
        "linear_units": 64,
        "num_blocks": 1,
        "dropout_rate": 0.0,
        "positional_dropout_rate": 0.0,
        "self_attention_dropout_rate": 0.0,
        "src_attention_dropout_rate": 0.0,
    },
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1, "length_normalized_loss": False},
    "decode": {
        "decoding_method": "attention_rescoring",
        "beam_size": 5,
        "ctc_weight": 0.5,
        "decoding_chunk_size": 16,
        "num_decoding_left_chunks": -1,
        "simulate_streaming": True,
    },
}
FEATURES = {"type": "fbank_kaldi", "fs": 16000, "n_mels": 80, "n_shift": 160, "win_length": 400, "dither": 0.0}


def make(folder: Path) -> None:
    """Configuration, dictionary and checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    config = {**MODEL, "vocab_filepath": str(folder / "vocab.txt"), "preprocess_config": {"process": [FEATURES]}}
    (folder / "model.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    paddle.seed(20)
    paddle.set_device("cpu")
    weights = U2Model.from_config(CfgNode(config)).state_dict()
    paddle.save(weights, str(folder / "model.pdparams"))


def import_for_python_3_11() -> None:
    """PaddleSpeech 1.5.0 has a dataclass whose defaults Python 3.11 refuses: they have no hash. Give them one."""
    plain = dataclasses.dataclass
    dataclasses.dataclass = functools.partial(plain, unsafe_hash=True)  # type: ignore[assignment]
    try:
        import paddlespeech.server.engine.asr.online.ctc_endpoint  # noqa: F401 - imported for what it leaves behind
    finally:
        dataclasses.dataclass = plain


def serve(folder: Path, port: int) -> None:
    """Until it is ended."""
    import_for_python_3_11()
    engine = {
        "model_type": "conformer_online_wenetspeech",
        "am_model": str(folder / "model.pdparams"),
        "am_params": str(folder / "model.pdparams"),
        "cfg_path": str(folder / "model.yaml"),
        "lang": "zh",
        "sample_rate": 16000,
        "decode_method": "attention_rescoring",
        "num_decoding_left_chunks": -1,
        "force_yes": True,
        "device": "cpu",
        "continuous_decoding": True,
        "am_predictor_conf": {},
    }
    application = {
        "host": "127.0.0.1",
        "port": port,
        "protocol": "websocket",
        "engine_list": ["asr_online"],
        "asr_online": engine,
    }
    (folder / "application.yaml").write_text(yaml.safe_dump(application), encoding="utf-8")
    # The only change: the weights that belong to this name are not fetched, since ours are used.
    CommonTaskResource.set_task_model = functools.partialmethod(CommonTaskResource.set_task_model, skip_download=True)
    ServerExecutor()(config_file=str(folder / "application.yaml"), log_file=str(folder / "server.log"))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    serve(Path(sys.argv[1]), int(sys.argv[2]))
