"""Tables of any library, with columns of any type, as numbers and categories that a network can read.

>>> import pandas as pd
>>> from fastmlp.tabular import TableColumns
>>> X = pd.DataFrame({"height": [1.7, None, 1.8, 1.6], "city": ["Ulm", "Bonn", "Ulm", "Bonn"]})
>>> table = TableColumns().fit_transform(X)
>>> table.numbers.tolist(), table.categories.tolist()
([[1.7], [nan], [1.8], [1.6]], [[2], [1], [2], [1]])

``reading`` opens a table, ``values`` and ``objects`` say what a column holds, ``learned`` keeps what training knows of
each column, and ``columns`` has the class for the whole table. ``targets`` does the same for y.
"""

from fastmlp.tabular.bins import Bins
from fastmlp.tabular.classifier import TabularClassifier
from fastmlp.tabular.columns import TableColumns, TypedTable
from fastmlp.tabular.conformal import FoldScores
from fastmlp.tabular.explanation import Explanation
from fastmlp.tabular.regressor import TabularRegressor
from fastmlp.tabular.targets import ClassTargets, number_targets

__all__ = [
    "Bins",
    "ClassTargets",
    "Explanation",
    "FoldScores",
    "TableColumns",
    "TabularClassifier",
    "TabularRegressor",
    "TypedTable",
    "number_targets",
]


def __dir__() -> list[str]:
    return sorted(__all__)
