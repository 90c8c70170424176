"""The command ``fastmlp predict`` predicts the target of each row of a table."""

import argparse
import csv
import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from types import SimpleNamespace
from typing import Any

from fastmlp.cli.arguments import COVERAGE, add_command, add_model, add_table
from fastmlp.cli.files import check_output, load_model_and_data
from fastmlp.cli.messages import said_of
from fastmlp.exceptions import counted
from fastmlp.persistence import write_atomically
from fastmlp.tables import TableModel

_log = logging.getLogger("fastmlp")


def declare(commands: Any) -> None:
    """Add the command and its arguments to the command line's parser."""
    parser = add_command(commands, "predict", _predict, "predict the target of each row of a table")
    add_model(parser)
    add_table(parser)
    parser.add_argument("--out", metavar="FILE", help="a CSV file for the predictions (default: standard output)")
    also = parser.add_mutually_exclusive_group()
    also.add_argument("--proba", action="store_true", help="the probabilities of the classes, too")
    also.add_argument(
        "--set",
        type=COVERAGE,
        metavar="COVERAGE",
        help="sets of classes, too, that have the true one with this probability, such as 0.9",
    )
    also.add_argument(
        "--interval",
        type=COVERAGE,
        metavar="COVERAGE",
        help="the ends of intervals, too, that have the true number with this probability, such as 0.9",
    )


def _predict(options: argparse.Namespace) -> int:
    """Write a line of CSV for each row of the table, in the rows' order."""
    if options.out is not None:
        check_output(options.out, options.model, options.data)
    model, frame, has_header = load_model_and_data(options)
    with said_of(options.data):
        names, columns = _predictions(model, frame, has_header, options)
    rows = (list(map(str, row)) for row in zip(*columns, strict=True))
    lines = _csv_lines(names, rows)
    if options.out is None:
        sys.stdout.writelines(lines)
    else:
        write_atomically(options.out, (line.encode() for line in lines))
        _log.info("wrote %s, %s", options.out, counted(len(frame)))
    return 0


def _predictions(
    model: TableModel, frame: Any, has_header: bool, options: argparse.Namespace
) -> tuple[list[str], list[Any]]:
    """Return the names of the columns that the options ask for, and their values."""
    table = model.read(frame, has_header=has_header)
    if options.proba:
        probabilities = model.predict_proba(table)
        labels = [model.classes_[best] for best in probabilities.argmax(axis=1)]
        names = [f"probability_{label}" for label in model.classes_]
        return ["prediction", *names], [labels, *probabilities.T]
    if options.set is not None:
        sets = model.predict_set(table, options.set)
        others = {f"in_set_{label}": column.astype(int) for label, column in zip(model.classes_, sets.T, strict=True)}
    elif options.interval is not None:
        ends = model.predict_interval(table, options.interval)
        others = dict(zip(("lower", "upper"), ends, strict=True))
    else:
        others = {}
    return ["prediction", *others], [model.predict(table), *others.values()]


def _csv_lines(names: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """Return the lines of a CSV file one by one, the names of the columns first."""
    # The writer returns what its file's method write returns: here the line itself.
    writer = csv.writer(SimpleNamespace(write=str), lineterminator="\n")
    return map(writer.writerow, chain([names], rows))
