"""The command ``fastmlp train`` learns a column of a table from the others."""

import argparse
import logging
import os
import sys
import time
from typing import Any

import fastmlp
from fastmlp.cli.arguments import CLASS_WEIGHT, COVERAGE, JOBS, SECONDS, SEED, Gone, add_command, add_table, as_utf8
from fastmlp.cli.files import check_output, read_data
from fastmlp.cli.interruption import ctrl_c_ends_training
from fastmlp.cli.messages import said_of, shown_value
from fastmlp.exceptions import counted
from fastmlp.tables import TableModel
from fastmlp.tables.frames import shown
from fastmlp.tabular.kinds import EFFORTS
from fastmlp.tabular.regressor import LOSSES

_INSTEAD = (
    "a table is learned by several networks, whose layers and steps fit its rows; --effort and --time-limit say how"
    " much is done, and fastmlp.MLPClassifier is one network of your own"
)


def declare(commands: Any) -> None:
    """Add the command and its arguments to the command line's parser."""
    parser = add_command(commands, "train", _train, "learn a column of a table from the others")
    add_table(parser)
    parser.add_argument("--out", required=True, metavar="MODEL", help="where the model is saved")
    parser.add_argument(
        "--target", type=as_utf8, help="the column to learn, by name or by number from 0 (default: the last)"
    )
    parser.add_argument(
        "--task",
        choices=["auto", "classification", "regression"],
        default="auto",
        help="what is learned (default: found from the target)",
    )
    parser.add_argument(
        "--missing",
        action="append",
        type=as_utf8,
        default=[],
        metavar="TEXT",
        help="what means a missing value, beside ?, NA, NaN, null and their like; numbers in any spelling, -999 for"
        " -999.0, too; may be given several times",
    )
    parser.add_argument(
        "--keep",
        action="append",
        type=as_utf8,
        default=[],
        metavar="TEXT",
        help="which of these is a value after all, such as a class NA; may be given several times",
    )
    parser.add_argument(
        "--exact", action="store_true", help="tell apart what is only spelled differently: TRUE and true, 1.0 and 1"
    )
    parser.add_argument(
        "--effort",
        choices=list(EFFORTS),
        default="default",
        help="how much is done: fast for seconds, best for the best predictions (default: default)",
    )
    parser.add_argument(
        "--time-limit",
        type=SECONDS,
        metavar="SECONDS",
        help="how long reading the table and learning may take; saving the model comes after (default: as long as they"
        " do)",
    )
    parser.add_argument(
        "--class-weight",
        type=CLASS_WEIGHT,
        metavar="balanced|LABEL=WEIGHT,...",
        help="how much rows of a class weigh in training; balanced makes all classes weigh the same (default: 1 a row)",
    )
    parser.add_argument(
        "--loss",
        type=LOSSES.canonical,
        choices=list(LOSSES),
        help="what regression makes small, also by everyday names such as mae (default: squared_error)",
    )
    parser.add_argument(
        "--quantile",
        type=COVERAGE,
        metavar="Q",
        help="which quantile --loss quantile predicts (default: 0.5, the median)",
    )
    parser.add_argument(
        "--intervals",
        choices=["residuals", "quantiles"],
        help="what intervals of regression are made of: errors of rows left out, or quantiles that are learned beside,"
        " which makes each row's as wide as its noise is (default: residuals)",
    )
    parser.add_argument(
        "--validation",
        metavar="FILE",
        help="a table like the other one, to stop by and to judge by (default: each member leaves out other rows)",
    )
    parser.add_argument("--seed", type=SEED, default=0, metavar="N", help="of all that is random (default 0)")
    parser.add_argument("--jobs", type=JOBS, metavar="N", help="threads (default: as many as are of use)")
    for option in ("--hidden", "--max-iter", "--batch-size", "--learning-rate"):
        parser.add_argument(option, action=Gone, help=_INSTEAD)


def _train(options: argparse.Namespace) -> int:
    """Train a model, save it, and print what it is."""
    began = time.monotonic()
    read = [options.data] if options.validation is None else [options.data, options.validation]
    check_output(options.out, *read)
    frame, has_header = read_data(options, options.header)
    validation = None if options.validation is None else read_data(options, has_header, options.validation)[0]
    model = TableModel(
        options.target,
        task=options.task,
        missing=options.missing,
        keep=options.keep,
        decimal=options.decimal,
        thousands=options.thousands,
        exact=options.exact,
        header=has_header,
        effort=options.effort,
        time_limit=options.time_limit,
        class_weight=options.class_weight,
        loss=options.loss,
        quantile=options.quantile,
        intervals=options.intervals,
        random_state=options.seed,
        n_jobs=options.jobs,
    )
    is_watched = options.level != logging.ERROR and sys.stderr is not None and sys.stderr.isatty()
    with ctrl_c_ends_training() as end, said_of(options.data, options.validation):
        model.fit(frame, validation=validation, callbacks=[end], verbose=is_watched, began=began)
    fastmlp.save(model, options.out)
    if options.level != logging.ERROR:
        _report(model.describe())
        print(f"saved {options.out}, {os.path.getsize(options.out):,} bytes")
    return 130 if end.is_asked else 0


def _report(said: dict[str, Any]) -> None:
    """Print what was learned from how many rows and which columns, by which members, and how good it is."""
    training = said["training"]
    used = [*said["numbers"], *said["dates"], *said["categories"]]
    print(f"{said['task']} of {said['target']!r} from {counted(len(used), 'column')} of {counted(training['rows'])}")
    print(f"columns: {shown(used, 20)}")
    if said["dropped"]:
        print(f"not used: {shown(said['dropped'], 20)}")
    kinds = ", ".join(f"{n} of {kind} (weight {said['weights'][kind]:.2f})" for kind, n in said["members"].items())
    print(f"members: {kinds}")
    measure, loss = ("D2", "pinball loss") if "quantile" in said else ("R2", "RMSE")
    if said["task"] == "classification":
        measure, loss = "accuracy", "log loss"
    of = {measure: training["oof_score"], loss: training["oof_loss"]}
    figures = ", ".join(f"{name} {shown_value(figure)}" for name, figure in of.items() if figure is not None)
    rows = "the rows to validate on" if training["rows_of_validation"] else "rows that members left out"
    if figures:
        print(f"{figures} on {rows}")
    print(f"trained in {training['seconds']:.1f} s")
