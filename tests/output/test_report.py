"""What is said of a whole model."""

from build import Builder

from fxviz import Facts
from fxviz.output.report import report_lines


def test_the_report_of_a_small_model() -> None:
    build = Builder("tiny")
    x = build.input("x", 2, 8)
    y = build.op("linear", x, build.parameter("weight", 8, 8), kernel="aten.mm.default")
    y = build.op("strange", y, kernel="mylib.strange.default")
    lines = report_lines(Facts(build.graph(y)))
    assert [line[:13].strip() for line in lines] == [
        "Model",
        "Inputs",
        "Outputs",
        "Parameters",
        "FLOPs",
        "Peak memory",
        "Not counted",
    ]
    facts = {line[:13].strip(): line[13:] for line in lines}
    assert facts["Model"].startswith("tiny, 2 operations")
    assert facts["Inputs"] == "x float32 2×8"
    assert facts["Parameters"] == "64 (256 B)"  # 8·8 of 4 bytes
    # 2·8·8 multiply-adds of 2 FLOPs each
    assert facts["FLOPs"].startswith("256 FLOPs: 256 FLOPs of matrix work (128 multiply-adds)")
    assert facts["Not counted"] == "mylib.strange"
