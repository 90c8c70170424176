"""The command ``fastmlp predict`` predicts the target of each row of a table."""

import argparse
import csv
import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

from fastmlp.cli.arguments import add_command, add_model, add_table
from fastmlp.cli.files import check_output, load_model_and_data
from fastmlp.cli.messages import errors_about
from fastmlp.persistence import write_atomically

_log = logging.getLogger("fastmlp")


def declare(commands: Any) -> None:
    """Add the command and its arguments to the command line's parser."""
    parser = add_command(commands, "predict", _predict, "predict the target of each row of a table")
    add_model(parser)
    add_table(parser)
    parser.add_argument("--out", metavar="FILE", help="a CSV file for the predictions (default: standard output)")
    parser.add_argument("--proba", action="store_true", help="the probabilities of the classes, too")


def _predict(options: argparse.Namespace) -> int:
    """Write a line of CSV for each row of the table, in the rows' order."""
    if options.out is not None:
        check_output(options.out, options.model, options.data)
    model, frame, has_header = load_model_and_data(options)
    with errors_about(options.data):
        if options.proba:
            probabilities = model.predict_proba(frame, has_header=has_header)
            names = ["prediction", *(f"probability_{label}" for label in model.classes_)]
            labels = [model.classes_[best] for best in probabilities.argmax(axis=1)]
            rows = ([label, *map(str, row)] for label, row in zip(labels, probabilities, strict=True))
        else:
            names = ["prediction"]
            rows = ([str(value)] for value in model.predict(frame, has_header=has_header))
    lines = _csv_lines(names, rows)
    if options.out is None:
        sys.stdout.writelines(lines)
    else:
        write_atomically(options.out, (line.encode() for line in lines))
        _log.info("wrote %s, %s rows", options.out, f"{len(frame):,}")
    return 0


def _csv_lines(names: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """Return the lines of a CSV file one by one, the names of the columns first."""
    # The writer returns what its file's method write returns: here the line itself.
    writer = csv.writer(SimpleNamespace(write=str), lineterminator="\n")
    return map(writer.writerow, chain([names], rows))
