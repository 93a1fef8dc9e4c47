"""``python -m fxviz``: the command line."""

from fxviz.cli import main

if __name__ == "__main__":
    main(prog_name="fxviz")
