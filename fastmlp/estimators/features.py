"""Hidden layers as features: what makes a fitted network a step of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from fastmlp.components import whole_number
from fastmlp.estimators.prediction import Decoding


class HiddenFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """The part of an estimator that gives out its hidden layers: ``transform`` and what goes with it.

    The estimator has ``coefs_``, one matrix of weights for each layer, and ``_checked_outputs(X, decoding, depth)``,
    what comes out of so many layers.
    """

    coefs_: list[NDArray]
    dtype: str

    if TYPE_CHECKING:

        def _decoding(self) -> Decoding: ...
        def _checked_outputs(self, X: Any, decoding: Decoding, depth: int | None = None) -> NDArray: ...

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[-1].shape[0]

    def transform(self, X: ArrayLike, layer: int = -1) -> NDArray:
        """Return what a hidden layer makes of samples: features for another estimator.

        As a step of a pipeline, the fitted network gives the outputs of its last hidden layer to the next step; so does
        ``fit_transform(X, y)``. The names of these features are the lower-case name of the class and a number
        (``mlpclassifier0``, ``mlpclassifier1``, ...); ``set_output(transform="pandas")`` makes them names of columns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int, default=-1
            Which hidden layer: from 0, the first, on, or from -1, the last, back.

        Returns
        -------
        features : ndarray of shape (n_samples, n_units)
            The layer's outputs, after its normalization and activation, in the type the model computes in.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            For a layer that there is not: a network without hidden layers (``hidden_layer_sizes=()``) has no features
            to give. With set_output, for a layer of another width than the last one, which has the names.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from fastmlp import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20, 5), learning_rate_init=0.01, max_iter=500, random_state=0).fit(X, y)
        >>> clf.transform(X).shape, clf.transform(X, layer=0).shape
        ((150, 5), (150, 20))
        >>> clf.get_feature_names_out().tolist()[:2]
        ['mlpclassifier0', 'mlpclassifier1']
        >>> bool(make_pipeline(clf, LogisticRegression()).fit(X, y).score(X, y) > 0.95)
        True
        """
        check_is_fitted(self)
        n_hidden, number = len(self.coefs_) - 1, whole_number(layer, "layer", least=None)
        if not n_hidden:
            raise ValueError("transform gives the outputs of a hidden layer, and this network has none.")
        if not -n_hidden <= number < n_hidden:
            raise ValueError(f"layer must be from {-n_hidden} to {n_hidden - 1}; got {number}.")
        depth = number % n_hidden + 1
        width = self.coefs_[depth].shape[0]
        if width != self._n_features_out and _get_output_config("transform", self)["dense"] != "default":
            raise ValueError(
                f"set_output names the {self._n_features_out} units of the last hidden layer, but layer {number} has"
                f" {width}: set_output(transform='default') gives them without names."
            )
        return self._checked_outputs(X, self._decoding(), depth)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if self.dtype == "auto" else []
        return tags
