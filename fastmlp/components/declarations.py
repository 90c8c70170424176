"""What a class declares by the methods that it defines, found out once, when the class is made."""

from collections.abc import Iterable


def redefined(cls: type, contract: type, methods: Iterable[str]) -> frozenset[str]:
    """Return the methods of a contract that a class, or another of its bases, defines anew.

    A contract is a base class whose methods do nothing, and whose subclasses define those that they need. The contract
    calls this in ``__init_subclass__`` and keeps the answer as an attribute of the class, so that nobody has to ask
    again while a network is trained, and a subclass need not declare anything.

    Parameters
    ----------
    cls : type
        A subclass of the contract.
    contract : type
    methods : iterable of str
        The names of the contract's methods that are of interest.

    Examples
    --------
    >>> from fastmlp.callbacks import Callback
    >>> from fastmlp.components.declarations import redefined
    >>> class Quiet(Callback):
    ...     def on_fit_end(self, fit):
    ...         pass
    >>> sorted(redefined(Quiet, Callback, ["on_fit_begin", "on_fit_end"]))
    ['on_fit_end']
    """
    return frozenset(name for name in methods if getattr(cls, name) is not getattr(contract, name))
