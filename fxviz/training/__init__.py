"""Record training runs as open files; read, compare, draw and diagnose them.

`fxviz.training.recording` and the callbacks for trainers write runs, and need torch; all other modules read them
without it.
"""
