"""Rule tables: found by overload, then by operator; overridden on purpose only."""

from __future__ import annotations

import pytest

from fxviz.analysis.rules import RuleTable
from fxviz.errors import FxvizError


def test_an_overload_goes_before_its_operator() -> None:
    table = RuleTable({"aten.add": "any", "aten.add.Tensor": "tensor"})
    assert table.find("aten.add.Tensor") == "tensor"
    assert table.find("aten.add.Scalar") == "any"
    assert table.find("aten.add") == "any"
    assert table.find("aten.addmm.default") is None
    assert table.find("add") is None


def test_a_falsy_rule_is_a_rule() -> None:
    assert RuleTable({"aten.add.Tensor": 0, "aten.add": 1}).find("aten.add.Tensor") == 0


def test_registering() -> None:
    table: RuleTable[str] = RuleTable()
    assert table("mylib.my_op", "mylib.other")("rule") == "rule"
    assert "mylib.my_op.default" in table
    assert list(table) == ["mylib.my_op", "mylib.other"]


def test_a_second_rule_is_refused_and_changes_nothing() -> None:
    table = RuleTable({"aten.add": 1, "aten.mul": 1})
    with pytest.raises(FxvizError, match=r"aten\.add, aten\.mul; override them with `table \| \{\.\.\.\}`"):
        table("aten.sub", "aten.mul", "aten.add")(2)
    assert "aten.sub" not in table
    assert table.find("aten.add") == 1


def test_overrides_make_a_new_table() -> None:
    table = RuleTable({"aten.add": 1, "aten.mul": 1})
    for overrides in ({"aten.add": 2}, RuleTable({"aten.add": 2})):
        assert (table | overrides).find("aten.add.Tensor") == 2
        assert (table | overrides).find("aten.mul.Tensor") == 1
    assert table.find("aten.add.Tensor") == 1


def test_a_table_does_not_follow_the_mapping_that_it_was_made_from() -> None:
    rules = {"aten.add": 1}
    table = RuleTable(rules)
    rules["aten.mul"] = 2
    assert "aten.mul" not in table
