"""The function main parses the command line, runs the command it names, and turns errors into exit statuses."""

import argparse
import logging
import os
import sys

import fastmlp
from fastmlp.cli import evaluate, info, predict, train
from fastmlp.cli.arguments import Parser, join_negative_values
from fastmlp.cli.messages import messages_to_stderr, on_one_line, printable_output

_log = logging.getLogger("fastmlp")


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        The command's arguments. With None they are those the process was called with.

    Examples
    --------
    >>> from fastmlp.cli import main
    >>> main(["info", "no-such-file"])
    1
    """
    with printable_output() as lacking:
        options = _parser().parse_args(join_negative_values(sys.argv[1:] if argv is None else argv))
        with messages_to_stderr(options.level):
            status = _run(options)
            if lacking:
                _log.warning(
                    "standard output is %s, which lacks %s: such characters are written as %s (--out and"
                    " PYTHONIOENCODING=utf-8 keep them)",
                    sys.stdout.encoding,
                    ascii(lacking[0]),
                    ascii(lacking[0])[1:-1],
                )
    return status


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; each command's module declares its own part."""
    parser = Parser(
        prog="fastmlp", description="Multilayer perceptrons for tables: CSV, JSON, Parquet, Feather, compressed or not."
    )
    parser.add_argument("--version", action="version", version=f"fastmlp {fastmlp.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in (train, predict, evaluate, info):
        module.declare(commands)
    return parser


def _run(options: argparse.Namespace) -> int:
    """Run the command that the options name, and return the exit status that its result or its error means."""
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go nowhere when the interpreter flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, ImportError, MemoryError) as error:
        _log.error("error: %s", on_one_line(error))
        return 1
    return status
