"""The tables that show estimators in notebooks: scikit-learn's HTML, with a description of each parameter."""

import html
import importlib
import inspect
from collections.abc import Iterable
from typing import Any

from sklearn.utils._repr_html.common import generate_link_to_param_doc, scrape_estimator_docstring
from sklearn.utils._repr_html.fitted_attributes import AttrsDict
from sklearn.utils._repr_html.params import ParamsDict


class Parameters(ParamsDict):
    """The table of an estimator's parameters."""

    def _html_repr(self) -> str:
        return _explained(super()._html_repr(), self, self.estimator_class, "Parameters", '<td class="param">{}</td>')


class Attributes(AttrsDict):
    """The table of an estimator's attributes after a fit."""

    def _html_repr(self) -> str:
        bare = '<a class="param-doc-link" style="text-decoration:none;">{}</a>'
        return _explained(super()._html_repr(), self, self.estimator_class, "Attributes", bare)


def _explained(table: str, names: Iterable[str], cls: Any, section: str, cell: str) -> str:
    """Return a table in which each name has a description, which is shown while the mouse is over the name.

    A name that scikit-learn's estimator has as well is a link to that estimator's documentation. fastmlp has no such
    page of its own: the description is all that its docstrings say.
    """
    known, theirs = descriptions(cls, section), _scikit_learns(cls)
    for name in names:
        if name not in known:
            continue
        link = theirs and generate_link_to_param_doc(theirs, name, theirs()._get_doc_link())
        href = f' rel="noreferrer" target="_blank" href="{html.escape(link)}"' if link else ""
        anchor = (
            f'<a class="param-doc-link" style="anchor-name: --doc-link-{name};"{href}>{name}'
            f'<span class="param-doc-description" style="position-anchor: --doc-link-{name};">{known[name]}</span></a>'
        )
        table = table.replace(cell.format(name), f'<td class="param">{anchor}</td>' if "<td" in cell else anchor)
    return table


def descriptions(cls: Any, section: str) -> dict[str, str]:
    """Return the descriptions of parameters or attributes in a class's docstring, as HTML, by name.

    Parameters
    ----------
    cls : type
    section : {"Parameters", "Attributes"}

    Examples
    --------
    >>> from fastmlp import MLPClassifier
    >>> from fastmlp.components.representation import descriptions
    >>> descriptions(MLPClassifier, "Parameters")["l1"].partition("<br><br>")[0]
    'l1: float, default=0.0'
    """
    docstring = inspect.getdoc(cls)
    return {
        name: f"{name}: {html.escape(entry.type)}<br><br>{'<br>'.join(map(html.escape, entry.desc))}"
        for entry in (scrape_estimator_docstring(docstring)[section] if docstring else [])
        for name in entry.name.split(", ")
    }


def _scikit_learns(cls: Any) -> Any:
    """Return the estimator of scikit-learn that a class can replace; None where there is none."""
    theirs = getattr(cls, "_drop_in_for", None)
    return theirs and getattr(importlib.import_module("sklearn.neural_network"), theirs)
