"""Estimators in notebooks: what each parameter means, and links to where there is more."""

import re

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, MLPRegressor, TableModel
from fastmlp.components.representation import descriptions
from fastmlp.optimizers import AdamW

ANCHOR = r'<a class="param-doc-link" style="anchor-name: --doc-link-(\w+);"([^>]*)>'


def anchors(estimator):
    """The names that have a description, and where each leads."""
    return {name: re.search(r'href="([^"]*)"', rest) for name, rest in re.findall(ANCHOR, estimator._repr_html_())}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_explained(cls):
    found = anchors(cls())
    assert set(found) == set(cls().get_params())
    theirs = getattr(sklearn.neural_network, cls.__name__)
    assert {name for name, link in found.items() if link} == set(theirs().get_params())
    for name, link in found.items():
        if link:
            page, _, fragment = link[1].partition("#:~:text=")
            assert page == theirs()._get_doc_link()
            assert fragment.startswith(f"{name},-")


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_links_are_those_of_scikit_learn(cls):
    """Which its own page has: they name what stands there, not what our docstrings say."""
    theirs = getattr(sklearn.neural_network, cls.__name__)()._repr_html_()
    links = set(re.findall(r'href="(https://[^"]*#:~:text=[^"]*)"', theirs))
    assert len(links) >= 23
    assert {link[1] for link in anchors(cls()).values() if link} == links


def test_descriptions_are_those_of_the_docstring():
    known = descriptions(MLPClassifier, "Parameters")
    assert known["beta_2"].startswith("beta_2: float in [0, 1), default=0.9, 0.999<br><br>Decay of the moments")
    assert "&#x27;batch&#x27;" in known["normalization"]
    assert known["dropout"] in MLPClassifier()._repr_html_()
    assert descriptions(object, "Parameters") == {}
    assert descriptions(AdamW, "Attributes") == {}


def test_what_was_learned_is_explained():
    X = np.random.default_rng(0).standard_normal((30, 2))
    clf = MLPClassifier((3,), solver="lbfgs", standardize=True).fit(X, X[:, 0] > 0)
    found = anchors(make_pipeline(StandardScaler(), clf).fit(X, X[:, 0] > 0))
    assert set(descriptions(MLPClassifier, "Attributes")) >= {"coefs_", "intercepts_", "input_means_", "gains_"}
    assert {"coefs_", "intercepts_", "input_means_", "classes_", "n_layers_"} <= set(found)
    assert "gains_" not in found
    assert found["coefs_"] and not found["input_means_"]


def test_other_objects_are_explained_too():
    assert set(anchors(AdamW())) == set(AdamW().get_params())
    assert set(anchors(TableModel())) == set(TableModel().get_params())
    assert not any(anchors(TableModel()).values())
