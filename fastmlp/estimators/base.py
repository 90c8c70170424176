"""What every estimator needs, whatever it learns and however: advice, checks, fast validation, restore on error, save.

Nothing here knows of targets or of networks. What a new estimator is built on depends on what it fits: on
:class:`Estimator` alone if that is no network (a self-organising map), on
:class:`fastmlp.estimators.network_estimator.NetworkEstimator` if it is one, on
:class:`fastmlp.estimators.trained.TrainedNetwork` if it is trained epoch by epoch (an autoencoder), and on
:class:`fastmlp.estimators.supervised.SupervisedNetwork` if there are targets.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.metaestimators import available_if

from fastmlp import persistence
from fastmlp.components import Named, Parameterized, Registry
from fastmlp.components.keywords import advice, meant_by, plain, unexpected
from fastmlp.inputs.rows import are_finite_rows, in_place_dtype, refuse_broken
from fastmlp.inputs.validation import validated

_Method = TypeVar("_Method", bound=Callable[..., Any])


class Estimator(CallbackSupportMixin, Parameterized):
    """The base of all estimators but those that consist of others, with targets or without.

    A subclass declares the constraints of its parameters in ``_parameter_constraints`` and ends its ``__init__`` with
    ``self._set_parameters(locals())``. A method that fits is decorated with :func:`begins_fit`, which checks the
    parameters and answers wrong keywords with what is meant; within :func:`restored_on_error` it may set attributes as
    it goes along, since they are put back should it fail.

    Examples
    --------
    >>> import numpy as np
    >>> from numbers import Real
    >>> from sklearn.utils._param_validation import Interval
    >>> from fastmlp.estimators.base import Estimator, begins_fit, restored_on_error
    >>> class Centre(Estimator):
    ...     _parameter_constraints = {"shrinkage": [Interval(Real, 0, 1, closed="both")]}
    ...     def __init__(self, shrinkage=0.0):
    ...         self._set_parameters(locals())
    ...     @begins_fit
    ...     def fit(self, X, y=None):
    ...         with restored_on_error(self):
    ...             X = self._validated_samples(X, reset=True)
    ...             self.centre_ = (1 - self.shrinkage) * X.mean(axis=0)
    ...         return self
    >>> Centre(shrinkage=0.5).fit(np.array([[1.0, 2.0], [3.0, 6.0]])).centre_
    array([1., 2.])
    >>> Centre().fit(np.ones((2, 2)), shrinkag=0.5)
    Traceback (most recent call last):
    ...
    TypeError: Centre.fit() got an unexpected keyword argument 'shrinkag'. It is a parameter of the estimator: \
Centre(shrinkage=...).
    """

    _own_registries: ClassVar[dict[str, Registry]]

    n_features_in_: int
    feature_names_in_: NDArray

    #: The attributes that fits append to, lists and dicts of lists, which are cut to their lengths should a fit fail.
    _appended_to: ClassVar[tuple[str, ...]] = ("history_",)

    _parameter_constraints: ClassVar[dict] = {}

    # ---- parameters --------------------------------------------------------------------------------------------------

    def _set_parameters(self, arguments: dict[str, Any]) -> None:
        """Set the parameters to the arguments of ``__init__``: as they are, but for everyday names.

        Parameters
        ----------
        arguments : dict
            The local variables of ``__init__``, self among them.
        """
        self.__dict__.update({name: value for name, value in arguments.items() if name not in ("self", "__class__")})
        for name, known in self._registries().items():
            # A name that is canonical already is by far the most frequent, and need not be looked up.
            if name in arguments and (type(arguments[name]) is not str or arguments[name] not in known):
                setattr(self, name, arguments[name])

    @classmethod
    def _registries(cls) -> dict[str, Registry]:
        """Return the registries in which names of parameters are looked up, by parameter."""
        if "_own_registries" not in vars(cls):
            found = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
            cls._own_registries = {name: value.known for name, value in found.items() if isinstance(value, Named)}
        return cls._own_registries

    def _unexpected(self, method: str, name: str, accepted: Sequence[str]) -> TypeError:
        """Return the error for a keyword that a method does not take; it may be one of the estimator's parameters."""
        cls = type(self).__name__
        # What is known to mean a parameter of the estimator is not taken for one of the method's that it is like.
        parameters = self._get_param_names()
        meant, parameter = meant_by(name, accepted, guess=False), meant_by(name, parameters, guess=False)
        if meant is None and parameter is None:
            meant, parameter = meant_by(name, accepted), meant_by(name, parameters)
        if meant is not None or parameter is None or plain(name) in self._advice:
            hint = advice(name, accepted, {} if meant else self._advice)
        else:
            hint = f"It is a parameter of the estimator: {cls}({parameter}=...)."
        return unexpected(f"{cls}.{method}", name, hint)

    # ---- validation --------------------------------------------------------------------------------------------------

    def _takes_as_they_are(self, X: Any, *, reset: bool) -> bool:
        """Whether scikit-learn's checks of samples would find nothing in X, and change nothing of it.

        They would take longer than an epoch of a small network.
        """
        fitted = self.__dict__
        return (
            "feature_names_in_" not in fitted
            and "columns_layout_" not in fitted
            and are_finite_rows(X)
            and (reset or X.shape[1] == fitted.get("n_features_in_"))
        )

    def _validated_samples(self, X: Any, *, reset: bool) -> Any:
        """Return samples as scikit-learn's validate_data does: an array, or a CSR or CSC matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        reset : bool
            Whether to take the number and the names of the features from X, as a first fit does, rather than hold X to
            those there are.
        """
        if self._takes_as_they_are(X, reset=reset):
            self.__dict__["n_features_in_"] = X.shape[1]
            return X
        refuse_broken(X)
        return validated(self, X, accept_sparse=["csr", "csc"], dtype=self._validation_dtype(X), reset=reset)

    def _validation_dtype(self, X: Any) -> Any:
        """Return what scikit-learn is to convert X to: nothing when the engine can read it as it is."""
        return "numeric" if in_place_dtype(X) else (np.float64, np.float32)

    # ---- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, as :func:`fastmlp.save` does; :func:`fastmlp.load` reads it."""
        persistence.save(self, path)


@contextmanager
def restored_on_error(estimator: Estimator) -> Iterator[None]:
    """Put the estimator's attributes back as they were when the block fails."""
    before = estimator.__dict__.copy()
    lengths = [(values, len(values)) for name in estimator._appended_to for values in _lists(before.get(name))]
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        for values, length in lengths:
            del values[length:]
        raise


def _lists(value: Any) -> list[list]:
    """Return the lists that an attribute consists of: itself, the values of a dict, or none."""
    return list(value.values()) if isinstance(value, dict) else [value] if value is not None else []


# ---- decorators ------------------------------------------------------------------------------------------------------
# Those of scikit-learn are not typed; decorated with these, a method has the type that it is written with.


def begins_fit(method: _Method) -> _Method:
    """Make a method one that fits: it checks the parameters, and answers wrong keywords with what is meant."""
    return _advising(_fit_context(prefer_skip_nested_validation=True)(method), method)


def goes_on_with_fit(method: _Method) -> _Method:
    """Make a method one that goes on with a fit: scikit-learn's callbacks hear of it, wrong keywords are answered."""
    return _advising(with_callbacks(method), method)


def is_available_if(check: Callable[[Any], bool]) -> Callable[[_Method], _Method]:
    """Make a method one that an estimator only has if a check of it returns True; one that fails tells why not."""
    return available_if(check)


def _advising(decorated: Callable, method: _Method) -> _Method:
    code = method.__code__
    accepted = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(method)
    def advising(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in accepted:
                raise self._unexpected(method.__name__, name, accepted)
        return decorated(self, *args, **kwargs)

    return cast(_Method, advising)
