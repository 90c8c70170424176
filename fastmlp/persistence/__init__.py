"""Models in files: each model is one safetensors file, which holds numbers and text and nothing that is run.

A file has the model's arrays as tensors, and these texts as its metadata:

========  ==========================================================================================================
format    "fastmlp"
version   the version of the format, "1"
fastmlp   the version of the package
sklearn   the version of scikit-learn
checksum  SHA-256 of the whole file, in hexadecimal, taken with zeros in its own place
model     the model as a tree, in JSON
========  ==========================================================================================================

In the tree null, true, false, finite numbers, text and lists are what they are in JSON; everything else is an object
with the name of its kind (see ``decode.Decoder``): {"tuple": [...]}, {"tensor": name}, {"object": name of a class,
"state": {attribute: ...}}, ...

The package's classes that a file may hold have registered themselves (``fastmlp.registration``); the classes of
scikit-learn, and the functions of NumPy, SciPy and scikit-learn, stand in lists (``sklearn_classes``). A name in a file
is looked up there; which module is imported and what is called stands there, too, and never in a file. An object is
made without its ``__init__``, and then checked: each class of the package has a method ``check_state`` for that, and
the checks of scikit-learn's classes are in ``sklearn_checks``.
"""

from __future__ import annotations

import os
from typing import Any

import sklearn

from fastmlp.exceptions import warn_user
from fastmlp.persistence.callbacks import hand_over
from fastmlp.persistence.checks import check
from fastmlp.persistence.contents import classes, is_root
from fastmlp.persistence.decode import Decoder
from fastmlp.persistence.encode import Encoder
from fastmlp.persistence.format import BadTree, content, parsed, read, write_atomically
from fastmlp.registration import checks_itself, class_of, is_model, name_of, stored_names

__all__ = ["FileError", "check", "classes", "load", "packed", "save", "write_atomically"]


class FileError(ValueError):
    """Raised for a file that holds no model, or no sound one; the message says which file it is, and why."""


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a file that :func:`load` reads; it is one safetensors file without any code.

    The file is written beside its place and then put there: whatever happens, there is the whole new file or what was
    there before. scikit-learn's callbacks (``set_callbacks``) are left out. A parameter that no file can hold, such as
    a function, is noted as missing, and is to be given to load; so are ``callbacks`` with one of a class of yours, of
    which those attributes are stored that a file can hold.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, TableModel or an estimator of scikit-learn's
        Fitted or not. Of scikit-learn's estimators (pipelines, searches, ensembles, transformers) and of their parts
        those that are in :func:`classes`: their state is numbers and text. Trees, forests, neighbours and kernel
        machines are not; ``skops.io.dump`` stores them. Functions of NumPy, SciPy and scikit-learn that are well known,
        such as ``numpy.log1p`` in a FunctionTransformer, are stored by name.
    path : str or path-like
        In a folder that exists.

    Raises
    ------
    TypeError
        For other models, and when something of the model cannot be stored; it says where.
    ValueError
        For parameters or attributes with which the model could not be loaded.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import fastmlp
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> reg = fastmlp.MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", random_state=0).fit(X, X.ravel())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     fastmlp.save(reg, path)
    ...     loaded = fastmlp.load(path)
    >>> bool((loaded.predict(X) == reg.predict(X)).all())
    True
    """
    write_atomically(path, packed(model))


def load(path: str | os.PathLike[str], **parameters: Any) -> Any:
    """Return the model in a file that :func:`save` wrote.

    It predicts, and goes on learning, as the one that was saved. Whatever is in the file, loading it does nothing but
    make the model or fail. (A fit may do more, if callbacks that came with the file write files: look at a stranger's
    ``model.callbacks`` before you train it further.)

    Parameters
    ----------
    path : str or path-like
    **parameters
        Take the place of the model's parameters, named as ``set_params`` takes them; needed for those that no file can
        hold. Callbacks get what those saved in their places, if of the same classes, knew beside their parameters.

    Returns
    -------
    model : MLPClassifier, MLPRegressor, TableModel or an estimator of scikit-learn's

    Raises
    ------
    FileError
        A ValueError: when this is no such file, it is damaged, what it holds is no sound model, or when a parameter is
        to be given.
    OSError
        When the file cannot be read.

    Warns
    -----
    UserWarning
        When parts of scikit-learn are in it that another version of scikit-learn saved.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> halving = lambda step: 0.1 * 0.5 ** (step // 1000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     fastmlp.save(fastmlp.MLPRegressor(learning_rate=halving), path)
    ...     fastmlp.load(path, learning_rate=halving).learning_rate is halving
    True
    """
    path = os.fspath(path)
    try:
        metadata, tensors = read(path)
        decoder = Decoder(tensors, parameters)
        model = decoder.decode(parsed(metadata["model"]), "model")
        if decoder.missing:
            raise BadTree(_missing(decoder.missing))
        decoder.finish()
        if not is_root(type(model)):
            raise BadTree(f"holds a {type(model).__name__}, which is no model.")
        check(model)
    except (OSError, ImportError):  # the file cannot be judged by these
        raise
    except BadTree as error:
        raise FileError(f"{path!r} {error}") from error
    except Exception as error:  # the checks of NumPy and scikit-learn raise errors of any class
        what = f"{error}" if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise FileError(f"{path!r} holds no sound model: {what}") from error
    if parameters:
        hand_over(model, decoder.callbacks, parameters)
        check(model.set_params(**parameters))
    if decoder.has_sklearn and metadata["sklearn"] != sklearn.__version__:
        warn_user(
            f"{path!r} was saved with scikit-learn {metadata['sklearn']}, this is {sklearn.__version__}; its classes in"
            " the file may work otherwise, or not at all."
        )
    return model


def packed(model: Any) -> list[memoryview | bytes]:
    """Return the content of a model's file, in pieces."""
    if not is_root(type(model)):
        raise TypeError(_refusal(model))
    encoder = Encoder(model)
    tree = encoder.encode(model, "model")
    check(model)
    return content(tree, encoder.tensors)


def _public(name: str) -> str:
    """Return where users find a model, given its name in files."""
    cls = class_of(name)
    assert cls is not None
    room = "fastmlp.zoo" if cls.__module__.startswith("fastmlp.zoo.") else "fastmlp"
    return f"{room}.{name}"


def _refusal(model: Any) -> str:
    """Return what to say of an object that is no model."""
    cls = model if isinstance(model, type) else type(model)
    name = f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(model, type):
        return f"save takes a model; got the class {name}, not an object of it."
    models = [name for name in stored_names() if is_model(name)]
    takes = (
        "save takes fastmlp's estimators and TableModel, and pipelines, searches and other estimators of scikit-learn's"
        " that are in fastmlp.persistence.classes()"
    )
    parent = next((name for name in map(name_of, cls.__mro__) if is_model(name)), None)
    if parent is not None:
        hint = f"a class of your own is code, which no file holds: save an object of {_public(parent)} itself"
    elif cls.__name__ in models:
        hint = f"fit {_public(cls.__name__)} instead, with the same parameters, or store this one with skops.io.dump"
    elif checks_itself(cls):
        hint = "it is a part of a model, which has to be saved"
    elif isinstance(model, dict | list | tuple):
        hint = "save each model in a file of its own"
    else:
        hint = "skops.io.dump stores other estimators" if hasattr(model, "get_params") else ""
    return f"{takes}; got {name}{f': {hint}' if hint else ''}."


def _missing(missing: dict[str, str]) -> str:
    """Return the message that says which parameters are to be given to ``load``, and how."""
    were = ", ".join(f"{name}={text}" for name, text in missing.items())
    how = ", ".join(f"{name}=..." for name in missing)
    return f"was saved with {were}, which no file holds; give it: load(path, {how})."
