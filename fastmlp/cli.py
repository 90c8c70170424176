r"""The command fastmlp: train on a table, predict, evaluate, and say what a model is.

Results go to standard output, messages to standard error. The exit status is 0, 1 for data or files that cannot be
used, 2 for a wrong use of the command, 130 after Ctrl-C, and 141 when nobody reads on.

Characters that the encoding of standard output lacks are written as Python writes them, \xf6, and a message says so;
files are UTF-8.
"""

import argparse
import codecs
import csv
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import fastmlp
from fastmlp.persistence import write_atomically
from fastmlp.tables import TableError, TableModel, read_table
from fastmlp.tables.files import FORMATS, shown_name
from fastmlp.tables.notation import DECIMALS, THOUSANDS, grouping

_log = logging.getLogger("fastmlp")


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        The command's arguments; None for those it was called with.

    Examples
    --------
    >>> from fastmlp.cli import main
    >>> main(["info", "no-such-file"])
    1
    """
    with _printable() as lacking:
        options = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
        with _messages(options):
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


def _run(options: argparse.Namespace) -> int:
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
        _log.error("error: %s", _one_line(error))
        return 1
    return status


# ---- the commands ----------------------------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    _check_out(options.out, options.data)
    frame, has_header = _table(options, options.header)
    given = {
        "hidden_layer_sizes": options.hidden,
        "max_iter": options.max_iter,
        "batch_size": options.batch_size,
        "learning_rate_init": options.learning_rate,
        "n_jobs": options.jobs,
        "random_state": options.seed,
    }
    model = TableModel(
        options.target,
        task=options.task,
        missing=options.missing,
        keep=options.keep,
        decimal=options.decimal,
        thousands=options.thousands,
        exact=options.exact,
        header=has_header,
        parameters={name: value for name, value in given.items() if value is not None},
    )
    with _interruptible() as interrupted, _about(options.data):
        model.fit(frame, verbose=0 if options.level == logging.ERROR else 1)
    if interrupted and not model.training_["epochs"]:
        _log.warning("nothing was learned yet, and nothing is saved")
        return 130
    fastmlp.save(model, options.out)
    said = model.describe()
    training, n_columns = said["training"], len(said["numbers"]) + len(said["categories"])
    print(f"{said['task']} of {said['target']!r} from {n_columns} columns of {training['rows']:,} rows")
    layers = "-".join(map(str, said["layers"]))
    print(f"network {layers}, {said['n_parameters']:,} parameters, {training['epochs']} epochs")
    if training["held_out_score"] is not None:
        measure = "accuracy" if said["task"] == "classification" else "R2"
        print(f"{measure} {training['held_out_score']:.4f} on a tenth of the rows, held out")
    print(f"saved {options.out}, {os.path.getsize(options.out):,} bytes")
    return 130 if interrupted else 0


def _predict(options: argparse.Namespace) -> int:
    if options.out is not None:
        _check_out(options.out, options.model, options.data)
    model, frame, has_header = _opened(options)
    with _about(options.data):
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


def _evaluate(options: argparse.Namespace) -> int:
    model, frame, has_header = _opened(options)
    with _about(options.data):
        figures = model.evaluate(frame, has_header=has_header)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:18} {_shown(figure)}")
    return 0


def _info(options: argparse.Namespace) -> int:
    said = _loaded(options.model).describe()
    if options.json:
        print(json.dumps(said))
        return 0
    for name, value in said.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key}: {_shown(part)}" for key, part in value.items()) or "none"
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        print(f"{name:13} {_shown(value)}")
    return 0


# ---- files -----------------------------------------------------------------------------------------------------------


def _loaded(path: str) -> TableModel:
    model = fastmlp.load(path)
    if not isinstance(model, TableModel):
        raise TableError(f"{path} holds a {type(model).__name__}, which 'fastmlp train' did not write")
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise TableError(f"{path} holds a model that has not been trained") from error
    return model


def _opened(options: argparse.Namespace) -> tuple[TableModel, Any, bool]:
    """Return the model, and the table with whether it has a header: as the one it learned from, if nobody says so."""
    model = _loaded(options.model)
    for name in ("decimal", "thousands"):
        if getattr(options, name) is not None:
            model.set_params(**{name: getattr(options, name)})
    model.check_state()
    return model, *_table(options, model.header if options.header is None else options.header)


def _table(options: argparse.Namespace, header: bool | None) -> tuple[Any, bool]:
    return read_table(
        options.data, separator=options.sep, header=header, encoding=options.encoding, format=options.format
    )


def _check_out(path: str, *read: str) -> None:
    """Refuse before all work what could not be written after it, or would replace what is read."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {folder}")
    if Path(path).is_dir() or not os.access(path if Path(path).exists() else folder, os.W_OK):
        raise PermissionError(f"--out {path} cannot be written")
    for other in read:
        with suppress(OSError):  # of these two one is not there
            if os.path.samefile(path, other):
                raise TableError(f"--out {path} would replace {other}, which is read")


def _csv_lines(names: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    # What the writer's file returns, the writer returns.
    writer = csv.writer(SimpleNamespace(write=str), lineterminator="\n")
    return map(writer.writerow, chain([names], rows))


# ---- messages --------------------------------------------------------------------------------------------------------


@contextmanager
def _printable() -> Iterator[list[str]]:
    """Write what the encoding of standard output lacks in another way, rather than stop; give a list of it."""
    lacking: list[str] = []
    escape = getattr(sys.stdout, "errors", None) == "surrogateescape"

    def replace(error: UnicodeError) -> tuple[str | bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        if escape:
            with suppress(UnicodeEncodeError):  # bytes of a file's name, which go out as they came in
                return codecs.lookup_error("surrogateescape")(error)
        lacking.append(error.object[error.start : error.end][:1])
        return codecs.backslashreplace_errors(error)

    codecs.register_error("fastmlp.lacking", replace)
    changed = []
    for stream, errors in ((sys.stdout, "fastmlp.lacking"), (sys.stderr, "backslashreplace")):
        # Streams that are not Python's own, such as those of notebooks, take any text.
        before = getattr(stream, "errors", None)
        if before in ("strict", "surrogateescape") and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
            changed.append((stream, before))
    try:
        yield lacking
    finally:
        for stream, before in changed:
            with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
                stream.reconfigure(errors=before)


@contextmanager
def _messages(options: argparse.Namespace) -> Iterator[None]:
    """Write what the package says, warnings too, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("fastmlp: %(message)s"))
    level = _log.level
    _log.addHandler(handler)
    _log.setLevel(getattr(options, "level", None) or logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: _log.warning("%s", _one_line(message))
            yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[list[str]]:
    """Give a list that is not empty any more after training was ended by Ctrl-C, as a warning says."""
    interrupted: list[str] = []
    show = warnings.showwarning

    def listen(message: Any, *rest: Any, **options: Any) -> None:
        if "interrupted" in str(message):
            interrupted.append(str(message))
        show(message, *rest, **options)

    warnings.showwarning = listen
    yield interrupted


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except TableError as error:
        raise TableError(f"{shown_name(path)}: {error}") from None


def _one_line(error: Any) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# ---- arguments -------------------------------------------------------------------------------------------------------


def _value(convert: Callable[[str], Any], is_right: Callable[[Any], bool], what: str) -> Callable[[str], Any]:
    """Return what argparse makes an option's value with."""

    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not is_right(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


_COUNT = _value(int, lambda value: value >= 1, "a number of 1 or more")
_SIZES = _value(
    lambda text: tuple(int(part) for part in text.split(",")),
    lambda sizes: min(sizes) >= 1,
    "a list of sizes such as 64,64",
)
_RATE = _value(float, lambda value: 0 < value < float("inf"), "a number above 0")
_SEPARATOR = _value(lambda text: text.replace("\\t", "\t"), lambda text: len(text) == 1, "a single character, or \\t")
_JOBS = _value(int, bool, "a number of threads, or -1 for all")
_GROUPING = _value(grouping, lambda mark: mark in THOUSANDS, "one of , . ' _ space none")
_SEED = _value(int, lambda value: 0 <= value < 2**32, "a seed from 0 to 4294967295")


def _as_utf8(argument: str) -> str:
    """Return what names a column or a value, as UTF-8 where the locale lacks its characters."""
    with suppress(UnicodeError):
        return argument.encode(sys.getfilesystemencoding(), "surrogateescape").decode("utf-8")
    return argument


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError):  # the latter for NUL characters
        raise argparse.ArgumentTypeError(f"{name!r} is not an encoding; utf-8, cp1252 and utf-16 are some") from None
    return name


def _joined(arguments: list[str]) -> list[str]:
    """Return arguments in which a value that begins with a minus, such as -9.99e2, is not taken for an option."""
    joined: list[str] = []
    for argument in arguments:
        is_value = argument.startswith("-") and not argument.startswith("--") and len(argument) > 1
        if joined and joined[-1] in ("--missing", "--keep", "--target") and is_value:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastmlp", description="Multilayer perceptrons for tables: CSV, JSON, Parquet, Feather, compressed or not."
    )
    parser.add_argument("--version", action="version", version=f"fastmlp {fastmlp.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        added.set_defaults(run=run)
        if name != "train":
            added.add_argument("model", help="what train wrote")
        if name != "info":
            added.add_argument("data", help="the table, .csv, .csv.gz, .parquet, .jsonl, ...; - for standard input")
            added.add_argument(
                "--format", choices=FORMATS, help="what the table is (default: by its name and content, else csv)"
            )
            added.add_argument("--encoding", type=_encoding, metavar="NAME", help="of text (default: found)")
            added.add_argument("--sep", type=_SEPARATOR, metavar="C", help="what separates the fields (default: found)")
            added.add_argument(
                "--header",
                type=_value({"yes": True, "no": False}.get, lambda value: True, "yes or no"),
                metavar="yes|no",
                help="whether the first line names the columns (default: found, and then as in training)",
            )
            added.add_argument(
                "--decimal",
                choices=DECIMALS,
                help="what stands before the decimals (default: found for each column, and then as in training)",
            )
            added.add_argument(
                "--thousands",
                type=_GROUPING,
                metavar="C",
                help="what groups their digits: , . ' _ space none (default: all but the decimal mark)",
            )
            messages = added.add_mutually_exclusive_group()
            messages.add_argument("--verbose", action="store_const", const=logging.DEBUG, dest="level", help="say more")
            messages.add_argument(
                "--quiet", action="store_const", const=logging.ERROR, dest="level", help="say nothing but errors"
            )
        return added

    train = command("train", _train, "learn a column of a table from the others")
    train.add_argument("--out", required=True, metavar="MODEL", help="where the model is saved")
    train.add_argument(
        "--target", type=_as_utf8, help="the column to learn, by name or by number from 0 (default: the last)"
    )
    train.add_argument(
        "--task",
        choices=["auto", "classification", "regression"],
        default="auto",
        help="what is learned (default: found from the target)",
    )
    train.add_argument(
        "--missing",
        action="append",
        type=_as_utf8,
        default=[],
        metavar="TEXT",
        help="what means a missing value, beside ?, NA, NaN, null and their like; numbers in any spelling, -999 for"
        " -999.0, too; may be given several times",
    )
    train.add_argument(
        "--keep",
        action="append",
        type=_as_utf8,
        default=[],
        metavar="TEXT",
        help="which of these is a value after all, such as a class NA; may be given several times",
    )
    train.add_argument(
        "--exact", action="store_true", help="tell apart what is only spelled differently: TRUE and true, 1.0 and 1"
    )
    train.add_argument("--hidden", type=_SIZES, metavar="N,N", help="units of the hidden layers (default 128,128)")
    train.add_argument("--max-iter", type=_COUNT, metavar="N", help="epochs at most (default: by the rows)")
    train.add_argument("--batch-size", type=_COUNT, metavar="N", help="rows per step (default: by the rows)")
    train.add_argument("--learning-rate", type=_RATE, metavar="X", help="of adam, at its start (default 0.001)")
    train.add_argument("--seed", type=_SEED, default=0, metavar="N", help="of all that is random (default 0)")
    train.add_argument("--jobs", type=_JOBS, metavar="N", help="threads (default: as many as are of use)")

    predict = command("predict", _predict, "predict the target of each row of a table")
    predict.add_argument("--out", metavar="FILE", help="a CSV file for the predictions (default: standard output)")
    predict.add_argument("--proba", action="store_true", help="the probabilities of the classes, too")

    evaluate = command("evaluate", _evaluate, "say how good predictions are for a table that has the target")
    info = command("info", _info, "say what a model is")
    for reporting in (evaluate, info):
        reporting.add_argument("--json", action="store_true", help="as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
