"""The command ``fastmlp info`` says what a model is."""

import argparse
import json
from typing import Any

from fastmlp.cli.arguments import add_command, add_json, add_model
from fastmlp.cli.files import load_model
from fastmlp.cli.messages import shown_value


def declare(commands: Any) -> None:
    """Add the command and its arguments to the command line's parser."""
    parser = add_command(commands, "info", _info, "say what a model is")
    add_model(parser)
    add_json(parser)


def _info(options: argparse.Namespace) -> int:
    """Print what a model was trained for, with what, and what it needs."""
    said = load_model(options.model).describe()
    if options.json:
        print(json.dumps(said))
        return 0
    for name, value in said.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key}: {shown_value(part)}" for key, part in value.items()) or "none"
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        print(f"{name:13} {shown_value(value)}")
    return 0
