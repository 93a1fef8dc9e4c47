"""Shapes of inputs, as they are written on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxviz import InputError
from fxviz.models.inputs import InputSpec, Symbol, choose_sizes, parse_input


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1,3,224,224", InputSpec((1, 3, 224, 224))),
        ("input_ids=1,128:int64", InputSpec((1, 128), "input_ids", "int64")),
        ("B,3,H@64,W@64", InputSpec((Symbol("B"), 3, Symbol("H", 64), Symbol("W", 64)))),
        (" x = 1 , 2 ", InputSpec((1, 2), "x")),
        ("7,", InputSpec((7,))),
        ("t=", InputSpec((), "t")),
        ("t=:int64", InputSpec((), "t", "int64")),
        ("größe=0,1", InputSpec((0, 1), "größe")),
    ],
)
def test_what_can_be_written(text: str, spec: InputSpec) -> None:
    assert parse_input(text) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,-3", "extent '-3'"),
        ("1,,3", "extent ''"),
        ("1x3x224", "extent '1x3x224'"),
        ("1.5", "extent '1.5'"),
        ("B@", "extent 'B@'"),
        ("a=b=1", "cannot read the input"),
        ("1:2:3", "cannot read the input"),
        ("1,2:int46", "unknown dtype 'int46'.*did you mean"),
        ("1,2:", "unknown dtype ''"),
    ],
)
def test_what_cannot(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_input(text)


def test_symbols_take_their_hint_then_the_guess_then_a_prime() -> None:
    specs = [(parse_input("B,S,H@64,3,N"), (1, 128, 32, 3, 1)), (parse_input("B,T"), None)]
    # B, T, N have no hint and no guess above 1: the odd primes, without 3, which is an extent
    assert choose_sizes(specs) == {"H": 64, "S": 128, "B": 5, "N": 7, "T": 11}


def test_a_guess_of_another_rank_says_nothing() -> None:
    assert choose_sizes([(parse_input("B,S"), (1, 3, 224))]) == {"B": 3, "S": 5}


def test_one_symbol_has_one_size() -> None:
    with pytest.raises(InputError, match="symbol B has two sizes, 2 and 3"):
        choose_sizes([(parse_input("B@2,B@3"), None)])


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
extents = st.one_of(st.integers(0, 10**6), st.builds(Symbol, names, st.none() | st.integers(0, 100)))
specs = st.builds(
    InputSpec,
    st.lists(extents, max_size=5).map(tuple),
    st.none() | names,
    st.none() | st.sampled_from(["float32", "int64", "bool"]),
)


@given(specs)
def test_a_spec_survives_being_written_and_read(spec: InputSpec) -> None:
    def written(extent: int | Symbol) -> str:
        if isinstance(extent, int):
            return str(extent)
        return extent.name if extent.hint is None else f"{extent.name}@{extent.hint}"

    name = f"{spec.name}=" if spec.name else ""
    dtype = f":{spec.dtype}" if spec.dtype else ""
    assert parse_input(f"{name}{','.join(map(written, spec.shape))}{dtype}") == spec


@given(st.lists(names, min_size=1, max_size=6, unique=True), st.lists(st.integers(0, 50), max_size=4))
def test_free_symbols_are_told_apart_by_their_sizes(symbols: list[str], static: list[int]) -> None:
    spec = InputSpec((*static, *map(Symbol, symbols)))
    sizes = choose_sizes([(spec, None)])
    assert set(sizes) == set(symbols)
    assert len({*sizes.values()} - {*static, 0, 1}) == len(symbols)
