"""Trees are torch's own."""

import torch

from fxviz.tracing import torch_private as _torch


def test_a_tree_is_flattened_and_rebuilt() -> None:
    tree = {"a": [1, (2, 3)], "b": None}
    flat, spec = _torch.tree_flatten(tree)
    assert isinstance(spec, _torch.TreeSpec)
    assert flat == [1, 2, 3, None] == _torch.tree_leaves(tree)
    assert _torch.tree_unflatten(flat, spec) == tree


def test_some_leaves_are_replaced() -> None:
    replaced = _torch.tree_map_only(torch.Tensor, lambda tensor: tensor.shape, [torch.ones(2), 3])
    assert replaced == [torch.Size((2,)), 3]
