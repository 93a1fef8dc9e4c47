"""What each operator costs in FLOPs: one operator family a file, each with a `RuleTable` of its own, ``flops_rules``."""
