"""How questions are asked of a graph: facts, rules, and what is known of each operator."""
