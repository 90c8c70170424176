"""The command ``fastmlp train`` learns a column of a table from the others."""

import argparse
import logging
import os
from typing import Any

import fastmlp
from fastmlp.cli.arguments import COUNT, JOBS, RATE, SEED, SIZES, add_command, add_table, as_utf8
from fastmlp.cli.files import check_output, read_data
from fastmlp.cli.messages import errors_about, interruptions
from fastmlp.tables import TableModel

_log = logging.getLogger("fastmlp")


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
    parser.add_argument("--hidden", type=SIZES, metavar="N,N", help="units of the hidden layers (default 128,128)")
    parser.add_argument("--max-iter", type=COUNT, metavar="N", help="epochs at most (default: by the rows)")
    parser.add_argument("--batch-size", type=COUNT, metavar="N", help="rows per step (default: by the rows)")
    parser.add_argument("--learning-rate", type=RATE, metavar="X", help="of adam, at its start (default 0.001)")
    parser.add_argument("--seed", type=SEED, default=0, metavar="N", help="of all that is random (default 0)")
    parser.add_argument("--jobs", type=JOBS, metavar="N", help="threads (default: as many as are of use)")


def _train(options: argparse.Namespace) -> int:
    """Train a model, save it, and print what it is."""
    check_output(options.out, options.data)
    frame, has_header = read_data(options, options.header)
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
    with interruptions() as interrupted, errors_about(options.data):
        model.fit(frame, verbose=0 if options.level == logging.ERROR else 1)
    if interrupted and not model.training_["epochs"]:
        _log.warning("nothing was learned yet, and nothing is saved")
        return 130
    fastmlp.save(model, options.out)
    _report(model.describe())
    print(f"saved {options.out}, {os.path.getsize(options.out):,} bytes")
    return 130 if interrupted else 0


def _report(said: dict[str, Any]) -> None:
    """Print what was learned from how many rows, by which network, and how good it is."""
    training, n_columns = said["training"], len(said["numbers"]) + len(said["categories"])
    print(f"{said['task']} of {said['target']!r} from {n_columns} columns of {training['rows']:,} rows")
    layers = "-".join(map(str, said["layers"]))
    print(f"network {layers}, {said['n_parameters']:,} parameters, {training['epochs']} epochs")
    if training["held_out_score"] is not None:
        measure = "accuracy" if said["task"] == "classification" else "R2"
        print(f"{measure} {training['held_out_score']:.4f} on a tenth of the rows, held out")
