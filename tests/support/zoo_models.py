"""Models that everyone knows, and what each costs by hand; `zoo` has the layers that they are made of.

Weights are made on the default device: ``with torch.device("meta")`` makes them without memory.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import nn
from zoo import ZOO, Example

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MODELS"]


class _IntegerMatmul(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch._int_mm(a, b)


def resnet50() -> Example:
    """ResNet-50 on 224 × 224; a convolution is 2·taps·in·out for each place of its output, and has no bias.

    The stem has 7·7 taps, 3 → 64, at 112². Then four stages of width w = 64, 128, 256, 512 with 3, 4, 6, 3 blocks at
    56², 28², 14², 7². A block is 1×1 from its input to w, 3×3 from w to w and 1×1 from w to 4w. The first block of a
    stage reads 64 channels in the first stage and 2w after that, halves the image in its 3×3 (so its 1×1 sees the larger
    one, but for the first stage), and has a 1×1 to 4w at the new size beside it. The head is 2·2048·1000.
    """
    total = 2 * 7 * 7 * 3 * 64 * 112**2
    read, before = 64, 56
    for w, blocks, after in ((64, 3, 56), (128, 4, 28), (256, 6, 14), (512, 3, 7)):
        first = read * w * before**2 + (9 * w * w + w * 4 * w + read * 4 * w) * after**2
        other = (4 * w * w + 9 * w * w + w * 4 * w) * after**2
        total += 2 * (first + (blocks - 1) * other)
        read, before = 4 * w, after
    import torchvision

    return Example(torchvision.models.resnet50().eval(), (torch.zeros(1, 3, 224, 224),), total + 2 * 2048 * 1000)


def vit_b_16() -> Example:
    """ViT-B/16 on 224 × 224: 14² patches and one token for the class, so L = 197 tokens of width d = 768, 12 layers.

    The patches: 2·16·16·3·d each. A layer: four projections of 2·d² and two linears of 2·d·4d for each token, 24·d² in
    all; attention 4·d for each of L² pairs. The head: 2·d·1000.
    """
    import torchvision

    l, d = 14**2 + 1, 768  # noqa: E741
    matrix = 14**2 * 2 * 16 * 16 * 3 * d + 12 * (l * 24 * d**2 + l**2 * 4 * d) + 2 * d * 1000
    return Example(torchvision.models.vit_b_16().eval(), (torch.zeros(1, 3, 224, 224),), matrix)


def gpt2() -> Example:
    """GPT-2 with its head on L = 128 tokens: 12 layers of width d = 768 as in `vit_b_16`, V = 50257 words: 2·d·V a token.

    Attention is counted dense, as it is computed without a kernel that knows the mask.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    l, d, words = 128, 768, 50257  # noqa: E741
    matrix = 12 * (l * 24 * d**2 + l**2 * 4 * d) + l * 2 * d * words
    ids = torch.zeros(1, l, dtype=torch.int64)
    return Example(GPT2LMHeadModel(GPT2Config()).eval(), (), matrix, kwargs={"input_ids": ids, "use_cache": False})


def llama() -> Example:
    """A small Llama on L = 64 tokens: 4 layers of width d = 256, H = 8 heads of E = 32 on G = 2 key heads, F = 688.

    A token costs, in each layer: queries and output 2·2·d·H·E, keys and values 2·2·d·G·E, attention 4·H·E for each of L
    keys, three products of 2·d·F; then the vocabulary 2·d·V. Rotary angles are products element by element.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    layers, l, d, heads, groups, e, f, words = 4, 64, 256, 8, 2, 32, 688, 1000  # noqa: E741
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=d,
        intermediate_size=f,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
    )
    token = 4 * d * heads * e + 4 * d * groups * e + 4 * heads * e * l + 3 * 2 * d * f
    matrix = l * (layers * token + 2 * d * words)
    ids = torch.zeros(1, l, dtype=torch.int64)
    return Example(LlamaForCausalLM(config).eval(), (), matrix, kwargs={"input_ids": ids, "use_cache": False})


def mamba() -> Example:
    """A small Mamba on L = 16 tokens: 2 layers, d = 32, inner width D = 64, state N = 4, K = 4 taps, rank R = 2, V = 100.

    A token costs, in each layer: the way in 2·d·2D, the step and B and C 2·D·(R + 2N), the step's projection 2·R·D, the
    state read by C 2·D·N, the way out 2·D·d; the update of the state is elementwise. The depthwise convolution is padded
    by K − 1 on both sides, so it has L + K − 1 outputs of 2·K in each of D channels. At the end the vocabulary: 2·d·V.
    """
    from transformers import MambaConfig, MambaForCausalLM

    layers, l, d, inner, n, k, r, words = 2, 16, 32, 64, 4, 4, 2, 100  # noqa: E741
    config = MambaConfig(
        vocab_size=words,
        hidden_size=d,
        expand=inner // d,
        state_size=n,
        num_hidden_layers=layers,
        conv_kernel=k,
        time_step_rank=r,
        use_mambapy=False,
    )
    token = 2 * d * 2 * inner + 2 * inner * (r + 2 * n) + 2 * r * inner + 2 * inner * n + 2 * inner * d
    matrix = layers * (l * token + inner * (l + k - 1) * 2 * k) + l * 2 * d * words
    ids = torch.zeros(1, l, dtype=torch.int64)
    return Example(MambaForCausalLM(config).eval(), (), matrix, kwargs={"input_ids": ids, "use_cache": False})


def integer_matmul() -> Example:
    """int8 (M, K) by (K, N): 2·K for each of M·N outputs, which are integer OPs."""
    m, k, n = 32, 64, 48
    int8 = torch.int8
    return Example(
        _IntegerMatmul().eval(), (torch.zeros(m, k, dtype=int8), torch.zeros(k, n, dtype=int8)), 2 * m * n * k
    )


MODELS: Mapping[str, Callable[[], Example]] = MappingProxyType(
    {
        "ResNet-50": resnet50,
        "ViT-B/16": vit_b_16,
        "GPT-2": gpt2,
        "Llama": llama,
        "Mixtral": ZOO["mixture_of_experts"],
        "Mamba": mamba,
        "LSTM": ZOO["lstm"],
        "MultiheadAttention": ZOO["multi_head_attention"],
        "TransformerEncoder": ZOO["transformer_encoder"],
        "einsum": ZOO["einsum"],
        "int8 matmul": integer_matmul,
    }
)
"""Name -> what builds the example."""
