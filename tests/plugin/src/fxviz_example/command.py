"""``fxviz example-count MODEL``: a command of a package other than fxviz."""

import click

from fxviz.command.options import ModelOptions, command, model_options


@command(model_options, click.option("--double", is_flag=True, help="Print twice the number."))
def count(source: ModelOptions, double: bool) -> None:
    """Print the number of operations of the model."""
    operations = len(source.facts().graph.nodes)
    click.echo(2 * operations if double else operations)
