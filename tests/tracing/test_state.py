"""A model, its inputs and the process are left exactly as they were found."""

from __future__ import annotations

import collections
import contextvars
import functools
import itertools
import os
import random
import signal
import threading
import types
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from fxviz.errors import GraphError, TraceError
from fxviz.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Careless(nn.Module):
    """Does to itself what models do: caches, counts, rewrites buffers, draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("count", torch.zeros(1))
        self.history: list[torch.Tensor] = []
        self.calls = 0
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        self.calls += 1
        self.cached = x * 2
        self.history.append(self.cached)
        self.register_buffer("late", x)
        random.random(), np.random.rand(), torch.rand(1)
        self.train(not self.training)
        x = self.norm(x)
        if self.fail:
            raise ValueError("no <more>")
        return x


def snapshot(model: nn.Module) -> dict[str, Any]:
    return {
        "attributes": {name: {k: id(v) for k, v in vars(m).items()} for name, m in model.named_modules()},
        "parameters": {name: (id(p), p.clone(), p.requires_grad, p.grad) for name, p in model.named_parameters()},
        "buffers": {name: (id(b), b.clone()) for name, b in model.named_buffers()},
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "training": [m.training for m in model.modules()],
    }


@pytest.mark.parametrize("mode", ["record", "eager", "symbolic", "export"])
@pytest.mark.parametrize("fail", [False, True])
def test_the_model_is_as_it_was(mode: str, fail: bool) -> None:
    model = Careless()
    model.fail = fail
    before = snapshot(model)
    state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    x = torch.ones(2, 3)
    try:
        trace(model, x, mode=mode)
    except TraceError:
        assert fail or mode in ("symbolic", "export")
    after = snapshot(model)
    assert before["attributes"] == after["attributes"]
    assert before["training"] == after["training"]
    assert before["hooks"] == after["hooks"] == [0, 0]
    for kind in ("parameters", "buffers"):
        assert before[kind].keys() == after[kind].keys()
        for name, (identity, data, *rest) in before[kind].items():
            assert identity == after[kind][name][0]
            assert torch.equal(data, after[kind][name][1])
            assert rest == list(after[kind][name][2:])
    assert model.history == []
    assert torch.equal(x, torch.ones(2, 3))
    assert torch.equal(state[0], torch.get_rng_state())
    assert state[1] == random.getstate()
    assert (state[2] == np.random.get_state()[1]).all()
    assert torch.is_grad_enabled()


def test_inputs_are_not_written_to() -> None:
    x = torch.ones(3)
    for mode in ("record", "eager"):
        trace(lambda x: x.mul_(5), (x,), mode=mode)  # type: ignore[arg-type]
    assert torch.equal(x, torch.ones(3))


def test_weights_are_not_read_or_copied() -> None:
    """A model whose weights would take 4 TB is traced: nothing of that size is ever made."""
    with torch.device("meta"):
        model = nn.Linear(1_000_000, 1_000_000, bias=False)
    graph = trace(model, torch.empty(1, 1_000_000, device="meta"))
    assert graph.parameters[0].storage.nbytes == 4 * 10**12


def test_hooks_of_the_user_still_run_and_are_kept() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model[0].register_forward_hook(lambda module, args, result: result.neg())
    assert [node.op for node in trace(model, torch.empty(1, 2)).nodes] == ["linear", "neg", "relu"]
    assert len(model[0]._forward_hooks) == 1


def test_a_keyboard_interrupt_passes_and_cleans_up() -> None:
    class Interrupted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.linear(x)
            raise KeyboardInterrupt

    model = Interrupted()
    weight = model.linear.weight
    with pytest.raises(KeyboardInterrupt):
        trace(model, torch.empty(1, 2))
    assert model.linear.weight is weight
    assert not model.linear._forward_hooks


def test_a_cache_of_the_process_is_not_left_with_tensors_of_the_run() -> None:
    @functools.lru_cache
    def table(n: int) -> torch.Tensor:
        return torch.arange(float(n))

    @functools.cache
    def pair(n: int) -> tuple[torch.Tensor, int]:
        return torch.ones(n), n

    def model(x: torch.Tensor) -> torch.Tensor:
        return x + table(x.shape[0]) + pair(x.shape[0])[0]

    table(7)
    graphs = [trace(model, torch.empty(3)) for _ in range(2)]
    assert [[node.op for node in graph.nodes] for graph in graphs] == [["arange", "add", "ones", "add"]] * 2
    assert type(model(torch.zeros(3))) is torch.Tensor
    assert torch.equal(model(torch.zeros(3)), torch.tensor([1.0, 2.0, 3.0]))


def test_after_a_failure_caches_are_clean_too() -> None:
    @functools.lru_cache
    def table(n: int) -> torch.Tensor:
        return torch.arange(float(n))

    def model(x: torch.Tensor) -> torch.Tensor:
        raise ValueError(str(table(3).shape))

    with pytest.raises(TraceError):
        trace(model, torch.empty(3))
    assert type(table(3)) is torch.Tensor


# -- caches that a model keeps in plain Python


class _Keeps(nn.Module):
    """Adds a tensor that it makes once and keeps, with ``fetch``, somewhere."""

    def __init__(self, fetch: Callable[[Callable[[], torch.Tensor]], torch.Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.fetch = fetch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.fetch(lambda: torch.ones(4))


class _Box:
    kept: Any = None


class _Slotted:
    __slots__ = ("kept",)


_MODULE_LEVEL: dict[str, Any] = {}


def _in_item(container: Any) -> Any:
    def fetch(make: Any) -> Any:
        if "kept" not in container:
            container["kept"] = make()
        return container["kept"]

    return fetch


def _in_sequence(container: Any) -> Any:
    def fetch(make: Any) -> Any:
        if not container:
            container.append(make())
        return container[0]

    return fetch


def _in_attribute(holder: Any) -> Any:
    def fetch(make: Any) -> Any:
        if getattr(holder, "kept", None) is None:
            holder.kept = make()
        return holder.kept

    return fetch


def _in_module_level(make: Any) -> Any:
    if "kept" not in _MODULE_LEVEL:
        _MODULE_LEVEL["kept"] = make()
    return _MODULE_LEVEL["kept"]


def _in_default(make: Any, kept: list[Any] = []) -> Any:  # noqa: B006 -- that is the point
    if not kept:
        kept.append(make())
    return kept[0]


def _in_own_attribute(make: Any) -> Any:
    if not hasattr(_in_own_attribute, "kept"):
        _in_own_attribute.kept = make()  # type: ignore[attr-defined]
    return _in_own_attribute.kept  # type: ignore[attr-defined]


def _in_closure() -> Any:
    kept = None

    def fetch(make: Any) -> Any:
        nonlocal kept
        if kept is None:
            kept = make()
        return kept

    return fetch


def _in_lru_cache_of_an_object() -> Any:
    @functools.lru_cache
    def box() -> _Box:
        made = _Box()
        made.kept = torch.ones(4)
        return made

    return lambda make: box().kept


def _in_weak_keys() -> Any:
    owner, table = _Box(), weakref.WeakKeyDictionary[Any, Any]()

    def fetch(make: Any) -> Any:
        if owner not in table:
            table[owner] = make()
        return table[owner]

    return fetch


def _in_context_variable() -> Any:
    variable = contextvars.ContextVar[Any]("kept", default=None)

    def fetch(make: Any) -> Any:
        if variable.get() is None:
            variable.set(make())
        return variable.get()

    return fetch


PLACES: dict[str, Callable[[], Any]] = {
    "dict": lambda: _in_item({}),
    "ordered dict": lambda: _in_item(collections.OrderedDict()),
    "user dict": lambda: _in_item(collections.UserDict()),
    "chain map": lambda: _in_item(collections.ChainMap({})),
    "list": lambda: _in_sequence([]),
    "deque": lambda: _in_sequence(collections.deque()),
    "attribute of an object": lambda: _in_attribute(_Box()),
    "attribute of a class": lambda: _in_attribute(type("Local", (), {"kept": None, "__module__": __name__})),
    "slots": lambda: _in_attribute(_Slotted()),
    "namespace": lambda: _in_attribute(types.SimpleNamespace()),
    "thread-local": lambda: _in_attribute(threading.local()),
    "module-level dict": lambda: _in_module_level,
    "default argument": lambda: _in_default,
    "function attribute": lambda: _in_own_attribute,
    "closure cell": _in_closure,
    "lru_cache of an object": _in_lru_cache_of_an_object,
    "weak keys": _in_weak_keys,
    "context variable": _in_context_variable,
    "partial": lambda: functools.partial(lambda container, make: _in_item(container)(make), {}),
    "unregistered module": lambda: _in_attribute(nn.Identity()),
}


@pytest.mark.parametrize("mode", ["record", "symbolic", "export"])
@pytest.mark.parametrize("place", PLACES)
def test_a_cache_in_plain_python_is_as_it_was(place: str, mode: str) -> None:
    model, x = _Keeps(PLACES[place]()), torch.ones(2, 4)
    trace(model, x, mode=mode)
    result = model(x)
    assert type(result) is torch.Tensor
    assert torch.equal(result, model.linear(x) + 1)


def test_what_cannot_be_put_back_is_an_error_that_names_it() -> None:
    def endless() -> Iterator[torch.Tensor]:
        kept = torch.ones(4)
        while True:
            yield kept

    held = endless()
    with pytest.raises(TraceError, match=r"generator .*endless.*isolated=True"):
        trace(_Keeps(lambda make: next(held)), torch.ones(2, 4))
    held = endless()
    model = _Keeps(lambda make: next(held))
    graph = trace(model, torch.ones(2, 4), isolated=True)
    assert [node.op for node in graph.nodes][-1] == "add"
    assert type(model(torch.ones(2, 4))) is torch.Tensor


def test_counters_and_generators_of_numbers_are_as_they_were() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count, self.steps, self.calls = itertools.count(), iter([1, 2, 3]), 0
            self.python, self.numpy, self.torch = random.Random(0), np.random.default_rng(0), torch.Generator()
            self.seen = np.zeros(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            next(self.count), next(self.steps), self.python.random(), self.numpy.random()
            self.calls += 1
            self.seen[0] += 1
            return x + torch.rand(4, generator=self.torch)

    model = Counts()
    numbers = model.torch.get_state()
    trace(model, torch.ones(2, 4))
    assert (next(model.count), next(model.steps), model.calls) == (0, 1, 0)
    assert model.python.random() == random.Random(0).random()
    assert model.numpy.random() == np.random.default_rng(0).random()
    assert torch.equal(model.torch.get_state(), numbers)
    assert (model.seen == 0).all()


def test_a_frozen_dict_is_left_alone_and_restored() -> None:
    class Frozen(dict[str, Any]):
        def _refuse(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("frozen")

        update = clear = __setitem__ = __delitem__ = pop = setdefault = _refuse

    class Configured(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = Frozen(width=4, layers=[1, 2])
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            dict.__setitem__(self.config, "seen", x)
            self.config["layers"].append(3)
            return self.linear(x)

    model = Configured()
    trace(model, torch.ones(1, 4))
    assert dict(model.config) == {"width": 4, "layers": [1, 2]}
    assert list(model._modules) == ["linear"]


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # people have such models
@pytest.mark.parametrize("mode", ["record", "eager"])
def test_a_script_module_has_its_own_weights_afterwards(mode: str) -> None:
    model = nn.Sequential(torch.jit.script(nn.Linear(4, 4)), nn.ReLU())
    weight = model[0].weight.detach().clone()
    trace(model, torch.ones(3, 4), mode=mode)
    assert torch.equal(model[0].weight, weight)
    assert type(model.state_dict()["0.weight"]) is torch.Tensor


def test_modules_that_compare_equal_are_two() -> None:
    class Equal(nn.Linear):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        def __hash__(self) -> int:
            return 1

    model = nn.Sequential(Equal(4, 4), Equal(4, 4))
    before = [id(parameter) for layer in model for parameter in layer.parameters()]
    graph = trace(model, torch.ones(1, 4))
    assert [id(parameter) for layer in model for parameter in layer.parameters()] == before
    assert [node.scope[-1].path for node in graph.nodes] == ["0", "1"]
    assert len(graph.parameters) == 4


def test_eager_writes_into_copies_that_share_memory_where_the_model_does() -> None:
    class Clamps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.full((4,), 5.0))
            self.first_two = nn.Parameter(self.weight.detach()[:2])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.weight.clamp_(max=1)
            return x * self.first_two.sum().item()  # 2 if the memory is shared, 10 if not

    model = Clamps()
    graph = trace(model, torch.ones(1), mode="eager")
    assert torch.equal(model.weight, torch.full((4,), 5.0))
    assert graph.nodes[-1].attributes["other"] == 2.0


def test_the_module_of_a_traced_method_leaves_the_model_in_eval() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout()).eval()
    for function in (model.forward, lambda x: model(x)):
        _ = trace(function, torch.ones(1, 4)).module
        assert not any(module.training for module in model.modules())


def test_a_cache_that_is_an_input_is_given_back_as_it_was() -> None:
    def model(x: torch.Tensor, cache: _Box) -> torch.Tensor:
        cache.kept = x * 2
        return cache.kept

    cache = _Box()
    trace(model, (torch.ones(4), cache))
    assert cache.kept is None


class TestIsolated:
    def test_an_error_is_the_same(self) -> None:
        def model(x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no <more>")

        with pytest.raises(TraceError, match="no <more>") as plain:
            trace(model, torch.ones(1))
        with pytest.raises(TraceError, match="no <more>") as isolated:
            trace(model, torch.ones(1), isolated=True)
        assert str(plain.value) == str(isolated.value)

    def test_a_process_that_ends_says_how(self) -> None:
        with pytest.raises(TraceError, match="ended with exit code 3"):
            trace(lambda x: os._exit(3), torch.ones(1), isolated=True)
        with pytest.raises(TraceError, match="ended by signal SIGKILL"):
            trace(lambda x: os.kill(os.getpid(), signal.SIGKILL), torch.ones(1), isolated=True)

    def test_the_graph_is_the_same_but_for_its_module(self) -> None:
        model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.ones(1, 4)
        graph = trace(model, x, isolated=True)
        assert str(graph) == str(trace(model, x))
        with pytest.raises(GraphError, match="has no module"):
            _ = graph.module
