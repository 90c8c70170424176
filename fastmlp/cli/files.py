"""Commands open the files that they read here, and refuse output files that could not be written later."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import fastmlp
from fastmlp.tables import TableError, TableModel, read_table


def load_model(path: str) -> TableModel:
    """Return the model that a file holds.

    Raises
    ------
    TableError
        When the file holds something else than a trained TableModel.
    """
    model = fastmlp.load(path)
    if not isinstance(model, TableModel):
        raise TableError(f"{path} holds a {type(model).__name__}, which 'fastmlp train' did not write")
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise TableError(f"{path} holds a model that has not been trained") from error
    return model


def read_data(options: argparse.Namespace, header: bool | None, path: str | None = None) -> tuple[Any, bool]:
    """Return the table that the options name, or one that is written alike, as a data frame; and if it has a header."""
    return read_table(
        options.data if path is None else path,
        separator=options.sep,
        header=header,
        encoding=options.encoding,
        format=options.format,
    )


def load_model_and_data(options: argparse.Namespace) -> tuple[TableModel, Any, bool]:
    """Return the model, the table, and whether it has a header: that of training had one, unless the options say it."""
    model = load_model(options.model)
    for name in ("decimal", "thousands"):
        if getattr(options, name) is not None:
            model.set_params(**{name: getattr(options, name)})
    model.check_state()
    return model, *read_data(options, model.header if options.header is None else options.header)


def check_output(path: str, *read: str) -> None:
    """Refuse, before any work is done, an output file that could not be written or that would replace an input.

    Parameters
    ----------
    path : str
        The file that is to be written.
    *read : str
        The files that are read.

    Raises
    ------
    FileNotFoundError
        When the file's folder does not exist.
    PermissionError
        When the file is a folder, or cannot be written.
    TableError
        When the file is one of those that are read.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {folder}")
    if Path(path).is_dir() or not os.access(path if Path(path).exists() else folder, os.W_OK):
        raise PermissionError(f"--out {path} cannot be written")
    for other in read:
        with suppress(OSError):  # one of the two files does not exist
            if os.path.samefile(path, other):
                raise TableError(f"--out {path} would replace {other}, which is read")
