"""Random views for hypothesis: nested modules, stacks of equal and alternating ones, layout operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from build import Builder
from hypothesis import strategies as st
from shown import Elements, Ordinals, idle

from fxviz.ir import Graph, format_scope
from fxviz.views.view import View


@dataclass(frozen=True)
class Op:
    """Reads the values ``picks`` back from the latest; ``varies`` from copy to copy of a stack."""

    name: str
    picks: tuple[int, ...]
    function: str = "forward"
    varies: bool = False


@dataclass(frozen=True)
class Module:
    name: str
    body: tuple[Part, ...]
    container: bool = False


@dataclass(frozen=True)
class Stack:
    """``times`` modules of equal bodies; in turn with those of a second body if there is one."""

    bodies: tuple[tuple[Part, ...], ...]
    times: int


Part: TypeAlias = Op | Module | Stack


def parts() -> st.SearchStrategy[tuple[Part, ...]]:
    ops = st.builds(
        Op,
        st.sampled_from(["add", "relu", "linear", "view", "dropout", "full"]),
        st.lists(st.integers(0, 5), min_size=1, max_size=2).map(tuple),
        st.sampled_from(["forward", "forward", "helper", "other"]),
        st.booleans(),
    )

    def bigger(inner: st.SearchStrategy[tuple[Part, ...]]) -> st.SearchStrategy[tuple[Part, ...]]:
        stacks = st.builds(Stack, st.lists(inner, min_size=1, max_size=2).map(tuple), st.integers(2, 5))
        modules = st.builds(Module, st.sampled_from(["a", "b", "c1", "c2"]), inner, st.booleans())
        return st.lists(st.one_of(ops, modules, stacks), min_size=1, max_size=4).map(tuple)

    return st.recursive(st.lists(ops, min_size=1, max_size=3).map(tuple), bigger, max_leaves=6)


def graph_of(body: tuple[Part, ...], returned: int) -> Graph:
    build = Builder("random")
    known = [build.input("x", 2, 2), build.input("y", 2, 2)]

    def run(body: tuple[Part, ...], copy: int = 0) -> None:
        for place, part in enumerate(body):
            match part:
                case Op("full"):
                    known.append(build.op("full", shape=(2, 2)))
                case Op("dropout", picks):
                    known.append(idle(build, "dropout", known[-1 - picks[0] % len(known)]))
                case Op("view", picks):
                    known.append(build.op("view", known[-1 - picks[0] % len(known)], view=True))
                case Op(name, picks, function, varies):
                    read = [known[-1 - pick % len(known)] for pick in picks]
                    weights = [build.parameter(f"weight{place}", 2, 2)] if name == "linear" else []
                    p = copy / 8 if varies else 0.0
                    known.append(build.op(name, *read, *weights, line=1 + place, function=function, p=p))
                case Module(name, inner, container):
                    with build.module(name, "ModuleDict" if container else "Module"):
                        run(inner, copy)
                case Stack(bodies, times):
                    for i in range(times):
                        for which, inner in enumerate(bodies):
                            with (
                                build.module(f"stack{place}_{which}", "ModuleList"),
                                build.module(str(i), f"Body{which}"),
                            ):
                                run(inner, i)

    run(body)
    return build.graph(*known[-1 - returned :])


graphs = st.builds(graph_of, parts(), st.integers(0, 3))


def focused(graph: Graph, which: int | None) -> str | None:
    """The path of one of the graph's scopes, or None."""
    paths = [format_scope(scope[:depth]) for scope in graph.scopes for depth in range(1, len(scope) + 1)]
    return paths[which % len(paths)] if paths and which is not None else None


views = st.builds(
    lambda graph, which, depth, budget, fold, hide, group: View.of(
        graph,
        focus=focused(graph, which),
        depth=depth,
        budget=budget,
        fold=fold,
        hide=hide,
        group=group,
        show=(Elements(), Ordinals()),
    ),
    graphs,
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 3),
    st.none() | st.integers(1, 20),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
