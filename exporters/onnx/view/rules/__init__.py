"""How operations are written as standard ONNX operators: one family a file, each with a `RuleTable` of its own, ``operators``."""
