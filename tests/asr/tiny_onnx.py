"""The tiny network of `make_tiny_sherpa.py` as ONNX models in the layouts that sherpa-onnx loads.

The shapes of inputs, outputs and caches and the metadata are those which sherpa-onnx's readers of each kind ask for
(`online-*-model.cc`); the network needs one cache only, of its last features, and hands the others through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BINS = 80
DILATIONS = (1, 2, 4)
LEFT = 4 * sum(DILATIONS)  # frames of 10 ms before the first that an output is for
REACH = LEFT + 7  # frames from there on that one output needs
HOMOPHONES = {"丽": "莉"}  # of one sound, so that only a hot word tells which is meant
_S16 = 32768.0

Weights = Mapping[str, np.ndarray]


def window(outputs: int) -> int:
    """Frames that `outputs` outputs need, from the first one's place on."""
    return 4 * (outputs - 1) + REACH


def graph_model(
    name: str,
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, tuple[int, Sequence[int | str]]],
    nodes: Sequence[onnx.NodeProto],
    constants: Weights,
    metadata: Mapping[str, object],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info(key, *value) for key, value in inputs.items()],
        [helper.make_tensor_value_info(key, *value) for key, value in outputs.items()],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, producer_name="voicebot", opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    return model


def network_nodes(x: str, cache: str, shift: int) -> list[onnx.NodeProto]:
    """From `x` (1, frames, 80) and `cache` (1, 80, LEFT) to `logits` (1, outputs, tokens) and `next_cache`."""
    make = helper.make_node
    nodes = [
        make("Sub", [x, "mean"], ["centred"]),
        make("Div", ["centred", "deviation"], ["normal"]),
        make("Transpose", ["normal"], ["channels"], perm=[0, 2, 1]),
        make("Concat", [cache, "channels"], ["joined"], axis=2),
        make("Slice", ["joined", "from", "to", "axis"], ["next_cache"]),
        make("Conv", ["joined", "down1.weight", "down1.bias"], ["d1"], strides=[2], kernel_shape=[3]),
        make("Relu", ["d1"], ["r1"]),
        make("Conv", ["r1", "down2.weight", "down2.bias"], ["d2"], strides=[2], kernel_shape=[3]),
        make("Relu", ["d2"], ["h0"]),
    ]
    for index, dilation in enumerate(DILATIONS):
        weight, bias = f"context.{index}.weight", f"context.{index}.bias"
        nodes += [
            make("Conv", [f"h{index}", weight, bias], [f"c{index}"], kernel_shape=[3], dilations=[dilation]),
            make("Relu", [f"c{index}"], [f"a{index}"]),
            make("Slice", [f"h{index}", f"skip{index}", f"keep{index}", "axis"], [f"b{index}"]),
            make("Add", [f"a{index}", f"b{index}"], [f"h{index + 1}"]),
        ]
    return [
        *nodes,
        make("Conv", [f"h{len(DILATIONS)}", "out.weight", "out.bias"], ["o"], kernel_shape=[1]),
        make("Transpose", ["o"], ["logits"], perm=[0, 2, 1]),
    ]


def constants(weights: Weights, shift: int, louder: float = 1.0) -> dict[str, np.ndarray]:
    """`louder`: by what the samples are multiplied before the features are computed."""
    kept = dict(weights)
    kept["mean"] = weights["mean"] + np.float32(2 * np.log(louder))
    kept["from"], kept["to"], kept["axis"] = (np.array([value], np.int64) for value in (shift, shift + LEFT, 2))
    for index, dilation in enumerate(DILATIONS):
        kept[f"skip{index}"], kept[f"keep{index}"] = np.array([dilation], np.int64), np.array([-dilation], np.int64)
    return kept


def nemo_ctc(weights: Weights, outputs: int = 8) -> onnx.ModelProto:
    """As NeMo's export: features (1, 80, window), the cache in `cache_last_time`."""
    f32, i64, shift, count = TensorProto.FLOAT, TensorProto.INT64, 4 * outputs, weights["out.weight"].shape[0]
    make = helper.make_node
    return graph_model(
        "nemo_ctc",
        {
            "audio_signal": (f32, [1, BINS, window(outputs)]),
            "length": (i64, [1]),
            "cache_last_channel": (f32, [1, 1, 1, 1]),
            "cache_last_time": (f32, [1, 1, BINS, LEFT]),
            "cache_last_channel_len": (i64, [1]),
        },
        {
            "logprobs": (f32, [1, outputs, count]),
            "encoded_lengths": (i64, [1]),
            "cache_last_channel_next": (f32, [1, 1, 1, 1]),
            "cache_last_time_next": (f32, [1, 1, BINS, LEFT]),
            "cache_last_channel_next_len": (i64, [1]),
        },
        [
            make("Transpose", ["audio_signal"], ["x"], perm=[0, 2, 1]),
            make("Squeeze", ["cache_last_time", "one"], ["cache"]),
            *network_nodes("x", "cache", shift),
            make("LogSoftmax", ["logits"], ["logprobs"], axis=2),
            make("Identity", ["length"], ["encoded_lengths"]),
            make("Identity", ["cache_last_channel"], ["cache_last_channel_next"]),
            make("Unsqueeze", ["next_cache", "one"], ["cache_last_time_next"]),
            make("Identity", ["cache_last_channel_len"], ["cache_last_channel_next_len"]),
        ],
        {**constants(weights, shift), "one": np.array([1], np.int64)},
        {
            "model_type": "EncDecCTCModelBPE",
            "window_size": window(outputs),
            "chunk_shift": shift,
            "subsampling_factor": 4,
            "vocab_size": count - 1,  # NeMo's count leaves the blank out
            **{f"cache_last_channel_dim{n}": 1 for n in (1, 2, 3)},
            "cache_last_time_dim1": 1,
            "cache_last_time_dim2": BINS,
            "cache_last_time_dim3": LEFT,
        },
    )


def wenet_ctc(weights: Weights, outputs: int = 16) -> onnx.ModelProto:
    """As WeNet's export (chunks of 16 outputs, 4 chunks to the left); its features are of samples in s16's range."""
    f32, i64, shift, count = TensorProto.FLOAT, TensorProto.INT64, 4 * outputs, weights["out.weight"].shape[0]
    left = 4 * outputs
    make = helper.make_node
    return graph_model(
        "wenet_ctc",
        {
            "chunk": (f32, [1, window(outputs), BINS]),
            "offset": (i64, [1]),
            "required_cache_size": (i64, [1]),
            "att_cache": (f32, [1, 1, left, 2 * BINS]),
            "cnn_cache": (f32, [1, 1, BINS, LEFT]),
            "att_mask": (TensorProto.BOOL, [1, 1, left + outputs]),
        },
        {
            "log_probs": (f32, [1, outputs, count]),
            "r_att_cache": (f32, [1, 1, left, 2 * BINS]),
            "r_cnn_cache": (f32, [1, 1, BINS, LEFT]),
        },
        [
            make("Squeeze", ["cnn_cache", "one"], ["cache"]),
            make("Max", ["chunk", "silence"], ["x"]),
            *network_nodes("x", "cache", shift),
            make("LogSoftmax", ["logits"], ["log_probs"], axis=2),
            make("Identity", ["att_cache"], ["r_att_cache"]),
            make("Unsqueeze", ["next_cache", "one"], ["r_cnn_cache"]),
        ],
        {
            **constants(weights, shift, louder=_S16),
            "one": np.array([1], np.int64),
            # The logarithm's floor lies at the same level, and samples of 0 are below it in any range.
            "silence": np.log(np.finfo(np.float32).eps * np.array(_S16**2, np.float32)),
        },
        {
            "model_type": "wenet_ctc",
            "head": 1,
            "num_blocks": 1,
            "output_size": BINS,
            "cnn_module_kernel": LEFT + 1,
            "right_context": window(1) - 1,
            "subsampling_factor": 4,
            "vocab_size": count,
        },
    )


def zipformer2_ctc(weights: Weights, outputs: int = 8) -> onnx.ModelProto:
    """As icefall's export of a streaming Zipformer with a CTC head: the cache in the only layer's keys."""
    f32, i64, shift, count = TensorProto.FLOAT, TensorProto.INT64, 4 * outputs, weights["out.weight"].shape[0]
    states = {
        "cached_key_0": (f32, [LEFT, 1, BINS]),
        "cached_nonlin_attn_0": (f32, [1, 1, LEFT, 3]),
        "cached_val1_0": (f32, [LEFT, 1, 1]),
        "cached_val2_0": (f32, [LEFT, 1, 1]),
        "cached_conv1_0": (f32, [1, 4, 1]),
        "cached_conv2_0": (f32, [1, 4, 1]),
        "embed_states": (f32, [1, 128, 3, 19]),
        "processed_lens": (i64, [1]),
    }
    make = helper.make_node
    return graph_model(
        "zipformer2_ctc",
        {"x": (f32, [1, window(outputs), BINS]), **states},
        {"log_probs": (f32, [1, outputs, count]), **{f"new_{key}": value for key, value in states.items()}},
        [
            make("Transpose", ["cached_key_0"], ["cache"], perm=[1, 2, 0]),
            *network_nodes("x", "cache", shift),
            make("LogSoftmax", ["logits"], ["log_probs"], axis=2),
            make("Transpose", ["next_cache"], ["new_cached_key_0"], perm=[2, 0, 1]),
            *(make("Identity", [key], [f"new_{key}"]) for key in list(states)[1:]),
        ],
        constants(weights, shift),
        {
            "model_type": "zipformer2",
            "T": window(outputs),
            "decode_chunk_len": shift,
            "encoder_dims": 4,
            "query_head_dims": BINS,
            "value_head_dims": 1,
            "num_heads": 1,
            "num_encoder_layers": 1,
            "cnn_module_kernels": 3,
            "left_context_len": LEFT,
        },
    )


def transducer(weights: Weights, tokens: Sequence[str], outputs: int = 8) -> dict[str, onnx.ModelProto]:
    """Encoder (as icefall's LSTM), decoder and joiner, which follows CTC's rule: the last token (or one that sounds
    alike) said again is a blank. So a word cannot say a character twice in a row.
    """
    f32, i64, shift, count = TensorProto.FLOAT, TensorProto.INT64, 4 * outputs, len(tokens)
    make = helper.make_node
    encoder = graph_model(
        "encoder",
        {
            "x": (f32, [1, window(outputs), BINS]),
            "h": (f32, [1, 1, BINS * LEFT]),
            "c": (f32, [1, 1, 1]),
        },
        {
            "encoder_out": (f32, [1, outputs, count]),
            "next_h": (f32, [1, 1, BINS * LEFT]),
            "next_c": (f32, [1, 1, 1]),
        },
        [
            make("Reshape", ["h", "as_cache"], ["cache"]),
            *network_nodes("x", "cache", shift),
            make("Identity", ["logits"], ["encoder_out"]),
            make("Reshape", ["next_cache", "as_h"], ["next_h"]),
            make("Identity", ["c"], ["next_c"]),
        ],
        {
            **constants(weights, shift),
            "as_cache": np.array([1, BINS, LEFT], np.int64),
            "as_h": np.array([1, 1, BINS * LEFT], np.int64),
        },
        {
            "model_type": "lstm",
            "T": window(outputs),
            "decode_chunk_len": shift,
            "num_encoder_layers": 1,
            "d_model": BINS * LEFT,
            "rnn_hidden_size": 1,
        },
    )
    heard_alike = np.eye(count, dtype=np.float32)
    heard_alike[0] = 0  # nothing was said yet
    for one, other in HOMOPHONES.items():
        places = [tokens.index(one), tokens.index(other)]
        heard_alike[np.ix_(places, places)] = 1
    decoder = graph_model(
        "decoder",
        {"y": (i64, ["N", 1])},
        {"decoder_out": (f32, ["N", count])},
        [make("Gather", ["table", "y"], ["rows"], axis=0), make("Squeeze", ["rows", "one"], ["decoder_out"])],
        {"table": heard_alike, "one": np.array([1], np.int64)},
        {"vocab_size": count, "context_size": 1},
    )
    joiner = graph_model(
        "joiner",
        {"encoder_out": (f32, ["N", count]), "decoder_out": (f32, ["N", count])},
        {"logit": (f32, ["N", count])},
        [
            make("Softmax", ["encoder_out"], ["p"], axis=1),
            make("Mul", ["p", "decoder_out"], ["again"]),
            make("ReduceSum", ["again", "one"], ["to_blank"], keepdims=1),
            make("Mul", ["to_blank", "blank"], ["as_blank"]),
            make("Sub", ["p", "again"], ["others"]),
            make("Add", ["others", "as_blank"], ["moved"]),
            make("Max", ["moved", "least"], ["positive"]),
            make("Log", ["positive"], ["logit"]),
        ],
        {
            "one": np.array([1], np.int64),
            "blank": np.eye(1, count, dtype=np.float32),
            "least": np.array(1e-9, np.float32),
        },
        {"joiner_dim": count},
    )
    return {"encoder": encoder, "decoder": decoder, "joiner": joiner}


def paraformer(tokens: Sequence[str], said: str) -> dict[str, onnx.ModelProto]:
    """A paraformer without a network: it says `said` once for every 240 ms in which there is sound."""
    f32, i32, i64, size, groups = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, 2, 7
    make = helper.make_node
    inputs = groups * BINS
    encoder = graph_model(
        "encoder",
        {"speech": (f32, [1, "T", inputs]), "speech_lengths": (i32, [1])},
        {"enc": (f32, [1, "T", size]), "enc_len": (i32, [1]), "alphas": (f32, [1, "T"])},
        [
            make("ReduceMean", ["speech"], ["loudness"], axes=[2], keepdims=1),
            make("Greater", ["loudness", "quiet"], ["is_sound"]),
            make("Cast", ["is_sound"], ["sound"], to=f32),
            make("Mul", ["sound", "quarter"], ["alpha"]),
            make("Squeeze", ["alpha", "two"], ["alphas"]),
            make("Concat", ["loudness", "loudness"], ["enc"], axis=2),
            make("Identity", ["speech_lengths"], ["enc_len"]),
        ],
        {
            "quiet": np.array(2.0, np.float32),  # mean log energy of samples in s16's range
            "quarter": np.array(0.25, np.float32),  # of a token in 60 ms
            "two": np.array([2], np.int64),
        },
        {
            "model_type": "paraformer",
            "vocab_size": len(tokens),
            "lfr_window_size": groups,
            "lfr_window_shift": 6,
            "encoder_output_size": size,
            "decoder_num_blocks": 1,
            "decoder_kernel_size": 2,
            "neg_mean": ",".join(["0"] * inputs),
            "inv_stddev": ",".join([f"{size**-0.5:.6f}"] * inputs),
        },
    )
    decoder = graph_model(
        "decoder",
        {
            "enc": (f32, [1, "T", size]),
            "enc_len": (i32, [1]),
            "acoustic_embeds": (f32, [1, "N", size]),
            "acoustic_embeds_len": (i32, [1]),
            "in_cache_0": (f32, [1, size, 1]),
        },
        {
            "logits": (f32, [1, "N", size]),
            "sample_ids": (i64, [1, "N"]),
            "out_cache_0": (f32, [1, size, 1]),
        },
        [
            make("Identity", ["acoustic_embeds"], ["logits"]),
            make("ReduceMax", ["acoustic_embeds"], ["each"], axes=[2], keepdims=0),
            make("Mul", ["each", "zero"], ["none"]),
            make("Add", ["none", "said"], ["ids"]),
            make("Cast", ["ids"], ["sample_ids"], to=i64),
            make("Identity", ["in_cache_0"], ["out_cache_0"]),
        ],
        {"zero": np.array(0, np.float32), "said": np.array(tokens.index(said), np.float32)},
        {},
    )
    return {"encoder": encoder, "decoder": decoder}


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The network's weights, back from one of the files above (not WeNet's, whose mean is another)."""
    return {value.name: numpy_helper.to_array(value) for value in onnx.load(path).graph.initializer}


def tokens_text(tokens: Sequence[str]) -> str:
    return "".join(f"{token} {index}\n" for index, token in enumerate(tokens))
