"""The commands share these types of arguments, and the options of all commands that read tables.

A type is a function that argparse calls with an option's text. It returns the option's value, or raises
``ArgumentTypeError`` with a message that names the text and says what would be right.
"""

import argparse
import csv
import logging
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from fastmlp.tables.files import FORMATS
from fastmlp.tables.notation import DECIMALS, THOUSANDS, grouping

# ---- types -----------------------------------------------------------------------------------------------------------


def checked(convert: Callable[[str], Any], is_right: Callable[[Any], bool], what: str) -> Callable[[str], Any]:
    """Return a type for argparse: it converts a text, and refuses values that are not right.

    Parameters
    ----------
    convert : callable
        It makes the value of a text. A ``ValueError`` or the value None says that the text has none.
    is_right : callable
        It says whether a value is acceptable.
    what : str
        What the value should be; the error message ends with it.

    Examples
    --------
    >>> from fastmlp.cli.arguments import checked
    >>> checked(int, lambda value: value >= 1, "a number of 1 or more")("3")
    3
    """

    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not is_right(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


SECONDS = checked(float, lambda value: 0 < value < float("inf"), "a number of seconds above 0")
COVERAGE = checked(float, lambda value: 0 < value < 1, "a number between 0 and 1")
JOBS = checked(int, bool, "a number of threads, or -1 for all")
SEED = checked(int, lambda value: 0 <= value < 2**32, "a seed from 0 to 4294967295")
CLASS_WEIGHT = checked(
    lambda text: text if text == "balanced" else weights(text),
    lambda value: True,
    "balanced, or LABEL=WEIGHT,... with weights above 0",
)
_SEPARATOR = checked(lambda text: text.replace("\\t", "\t"), lambda text: len(text) == 1, "a single character, or \\t")
_GROUPING = checked(grouping, lambda mark: mark in THOUSANDS, "one of , . ' _ space none")
_YES_OR_NO = checked({"yes": True, "no": False}.get, lambda value: True, "yes or no")


def weights(text: str) -> dict[str, float] | None:
    """Return the weights of labels that a text gives, None where it gives none.

    Labels with a comma stand in quotation marks.

    Examples
    --------
    >>> from fastmlp.cli.arguments import weights
    >>> weights('yes=5,no=1,"a, b"=2.5')
    {'yes': 5.0, 'no': 1.0, 'a, b': 2.5}
    """
    fields = next(csv.reader([text]), [])
    parts = [as_utf8(field).rpartition("=") for field in fields]
    found = {label: float(weight) for label, _, weight in parts}
    are_sound = len(found) == len(parts) > 0 and "" not in found and all(0 < each < math.inf for each in found.values())
    return found if are_sound else None


def as_utf8(argument: str) -> str:
    """Return the name of a column or a value, decoded as UTF-8 where the locale lacks its characters."""
    with suppress(UnicodeError):
        return argument.encode(sys.getfilesystemencoding(), "surrogateescape").decode("utf-8")
    return argument


def _encoding(name: str) -> str:
    """Return the name of an encoding of texts, if Python knows it."""
    try:
        "".encode(name)
    except (LookupError, ValueError):  # Python raises ValueError for names with NUL characters
        raise argparse.ArgumentTypeError(f"{name!r} is not an encoding; utf-8, cp1252 and utf-16 are some") from None
    return name


class Gone(argparse.Action):
    """An option that there is no more: using it is an error, which says what to use instead.

    ``help`` is what the error says. The help of the command does not have the option.
    """

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs="?", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        self.instead = help

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        """Refuse the option."""
        parser.error(f"{option_string} is no option any more: {self.instead}")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are not lost below a list of all options."""

    def error(self, message: str) -> NoReturn:
        """Print the error and where to find more, and end the command."""
        self.exit(2, f"{self.prog}: error: {message}\n{self.prog} --help says what there is\n")


# ---- arguments -------------------------------------------------------------------------------------------------------


def join_negative_values(arguments: list[str]) -> list[str]:
    """Return the arguments with values such as -9.99e2 joined to their options, so that they are taken for values.

    argparse takes what begins with a minus for an option, and would miss the value of the option before it.

    Examples
    --------
    >>> from fastmlp.cli.arguments import join_negative_values
    >>> join_negative_values(["--missing", "-9.99e2", "--quiet"])
    ['--missing=-9.99e2', '--quiet']
    """
    joined: list[str] = []
    for argument in arguments:
        is_value = argument.startswith("-") and not argument.startswith("--") and len(argument) > 1
        if joined and joined[-1] in ("--missing", "--keep", "--target", "--class-weight") and is_value:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], about: str
) -> argparse.ArgumentParser:
    """Add a command, and return its parser, to which the caller adds the arguments that the command alone has.

    Parameters
    ----------
    commands : argparse's subparsers
    name : str
        What the user types.
    run : callable
        It gets the parsed options and returns the exit status.
    about : str
        One line of help, which begins with a small letter.
    """
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + "."
    )
    added.set_defaults(run=run, level=None)
    return added


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the file of a trained model."""
    parser.add_argument("model", help="what train wrote")


def add_table(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a table, and the options that say how it is written and what is told of it."""
    parser.add_argument("data", help="the table, .csv, .csv.gz, .parquet, .jsonl, ...; - for standard input")
    parser.add_argument(
        "--format", choices=FORMATS, help="what the table is (default: by its name and content, else csv)"
    )
    parser.add_argument("--encoding", type=_encoding, metavar="NAME", help="of text (default: found)")
    parser.add_argument("--sep", type=_SEPARATOR, metavar="C", help="what separates the fields (default: found)")
    parser.add_argument(
        "--header",
        type=_YES_OR_NO,
        metavar="yes|no",
        help="whether the first line names the columns (default: found, and then as in training)",
    )
    parser.add_argument(
        "--decimal",
        choices=DECIMALS,
        help="what stands before the decimals (default: found for each column, and then as in training)",
    )
    parser.add_argument(
        "--thousands",
        type=_GROUPING,
        metavar="C",
        help="what groups their digits: , . ' _ space none (default: all but the decimal mark)",
    )
    messages = parser.add_mutually_exclusive_group()
    messages.add_argument("--verbose", action="store_const", const=logging.DEBUG, dest="level", help="say more")
    messages.add_argument(
        "--quiet",
        action="store_const",
        const=logging.ERROR,
        dest="level",
        help="no messages but errors; train then prints nothing",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option that asks for a report as JSON."""
    parser.add_argument("--json", action="store_true", help="as JSON")
