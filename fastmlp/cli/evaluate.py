"""The command ``fastmlp evaluate`` says how good predictions are."""

import argparse
import json
from typing import Any

from fastmlp.cli.arguments import add_command, add_json, add_model, add_table
from fastmlp.cli.files import load_model_and_data
from fastmlp.cli.messages import said_of, shown_value


def declare(commands: Any) -> None:
    """Add the command and its arguments to the command line's parser."""
    parser = add_command(
        commands, "evaluate", _evaluate, "say how good predictions are for a table that has the target"
    )
    add_model(parser)
    add_table(parser)
    add_json(parser)


def _evaluate(options: argparse.Namespace) -> int:
    """Print the figures of a model on a table."""
    model, frame, has_header = load_model_and_data(options)
    with said_of(options.data):
        figures = model.evaluate(frame, has_header=has_header)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:18} {shown_value(figure)}")
    return 0
