"""Estimators in files made to do harm: attributes that do not fit each other are refused."""

import contextlib
import json

import numpy as np
import pytest

from fastmlp import MLPRegressor
from fastmlp.estimators import fitted_state
from fastmlp.persistence import FileError, load
from tests import mutations
from tests.files import NUMBERS, Forgery, X, assert_refused, drop, put, shape, values
from tests.mutations import BASES, VALUES

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning"),
]

OPTIMIZER = ("_optimizer", "state")
BINARIZER = ("_label_binarizer", "state")
SLOTS = (*OPTIMIZER, "state", "dict", 1, 1)


def layout(n_bins, n_categories):
    return {"object": "inputs.ColumnsLayout", "state": {"n_bins": n_bins, "n_categories": n_categories}}


HARM = {
    "a bad parameter": (put("alpha", -1), "'alpha' parameter"),
    "a parameter that is not finite": (put("alpha", {"float": "nan"}), "'alpha' parameter"),
    "a bad parameter within a component": (
        put("loss", {"object": "losses.LogLoss", "state": {"label_smoothing": 7.0}}),
        "label_smoothing",
    ),
    "a wrong component": (put("solver", {"object": "losses.LogLoss", "state": {"label_smoothing": 0.0}}), "'solver'"),
    "no intercepts_": (lambda forged: (drop("intercepts_")(forged), forged.drop("intercepts_")), "intercepts_"),
    "no classes_": (lambda forged: (drop("classes_")(forged), forged.drop("classes_")), "classes_"),
    "no optimizer": (put("_optimizer", 1), "tensors that the model does not need|_optimizer"),
    "coefs_ of another shape": (shape("coefs_.0", (5, 3)), r"intercepts_\[0\] does not fit"),
    "coefs_ that are no chain": (shape("coefs_.1", (9, 3)), r"coefs_\[1\] does not fit"),
    "coefs_ without features": (shape("coefs_.0", (0, 4)), r"coefs_\[0\] is no matrix"),
    "coefs_ of more features": (shape("coefs_.0", (6, 4)), "n_features_in_"),
    "coefs_ of integers": (values("coefs_.0", np.zeros((5, 4), np.int64)), r"coefs_\[0\] is no matrix"),
    "coefs_ of two types": (values("coefs_.1", np.zeros((4, 3), np.float32)), "not all of one type"),
    "intercepts_ of another shape": (shape("intercepts_.1", (4,)), r"intercepts_\[1\] does not fit"),
    "coefs_ as numbers": (lambda forged: (put("coefs_", [1, 2])(forged), forged.drop("coefs_")), "is no matrix"),
    "columns_layout_ of other inputs": (
        put("columns_layout_", layout({"tuple": [3]}, {"tuple": []})),
        "columns_layout_ does not fit coefs_",
    ),
    "columns_layout_ that none can have": (
        put("columns_layout_", layout({"tuple": [3, 0]}, {"tuple": []})),
        "n_bins must be integers",
    ),
    "columns_layout_ of lists": (put("columns_layout_", layout([4], {"tuple": []})), "n_bins of a ColumnsLayout is no"),
    "columns_layout_ that is none": (put("columns_layout_", 5), "columns_layout_ does not fit coefs_"),
    "gains_ that are too many": (put("gains_", [None, None]), "gains_ does not fit"),
    "gains_ that nothing asks for": (put("gains_", [{"tensor": "gains"}]), "unlike what activation"),
    "normalization without gains_": (put("normalization", "layer"), "unlike what activation"),
    "projections_ that nothing asks for": (put("projections_", [{"tensor": "projections"}]), "unlike what activation"),
    "projections_ of another shape": (
        lambda forged: (put("projections_", [{"tensor": "gains"}])(forged), put("residual", True)(forged)),
        "projections_ does not fit",
    ),
    "residual without projections_": (put("residual", True), "unlike what activation"),
    "input_means_ alone": (put("input_means_", {"tensor": "means"}), "scaling of inputs"),
    "n_outputs_": (put("n_outputs_", 1), "n_outputs_ must be 3; got 1"),
    "n_features_in_": (put("n_features_in_", 2**40), "n_features_in_"),
    "out_activation_": (put("out_activation_", "none"), "out_activation_ must be .*; got 'none'"),
    "names of too many features": (
        put("feature_names_in_", {"objects": list("abcdef"), "shape": [6]}),
        "feature_names_in_ does not fit",
    ),
    "classes that do not fit": (put(*BINARIZER, "classes_", {"text": "few"}), "classes_ differs"),
    "classes that are not sorted": (values("_label_binarizer.classes_", np.zeros((3, 5), np.uint32)), "not sorted"),
    "a kind of classes": (put(*BINARIZER, "y_type_", "binary"), "3 classes_ do not fit 3 outputs"),
    "slots that are too many": (put(*SLOTS, [[{"tensor": "s"}] for _ in range(9)]), "not there|slots"),
    "slots that are none": (
        lambda forged: (put(*SLOTS, [[]] * 2)(forged), forged.drop("_optimizer.state.slots")),
        "a slot of Adam",
    ),
    "a slot of another shape": (shape("_optimizer.state.slots.0.0", (3,)), "_optimizer keeps does not fit"),
    "a count of steps": (put(*OPTIMIZER, "n_updates", -1), "n_updates"),
    "an optimizer that is none": (put(*OPTIMIZER, "optimizer", None), "the optimizer of a Descent"),
    "an optimizer without its rate": (lambda forged: forged.tree["state"]["_optimizer"]["state"].pop("_rate"), "_rate"),
    "a checkpoint that says nothing": (put("_checkpoint", {"dict": []}), "a checkpoint lacks epoch"),
    "more threads than there may be": (put("n_jobs", 5000), "n_jobs=5000 is more than 1024"),
    "a state of a schedule": (put(*OPTIMIZER, "schedule_state", [1, 2]), "schedule_state is none"),
    "a schedule that is none": (put(*OPTIMIZER, "_other_schedule", 5), "its schedule is none"),
}
# The tensors that some of these edits refer to.
MORE = {
    "gains": np.ones(4),
    "projections": np.ones((5, 4)),
    "means": np.zeros(5),
    "few": np.frombuffer("ab".encode("utf-32-le"), np.uint32).reshape(2, 1),
}


@pytest.mark.parametrize("name", HARM)
def test_files_made_to_do_harm(path, content, name):
    edit, message = HARM[name]
    forged = Forgery(content)
    edit(forged)
    used = json.dumps(forged.tree)
    forged.tensors |= {key: array for key, array in MORE.items() if f'"{key}"' in used}
    if '"few"' in used:
        forged.drop("_label_binarizer.classes_")
    assert_refused(path, forged, message)


@pytest.mark.parametrize("edit", [put("gains_", [None]), put("n_jobs", -1)], ids=["no gains", "all threads"])
def test_what_does_no_harm_is_loaded(path, content, edit):
    forged = Forgery(content)
    edit(forged)
    path.write_bytes(forged.content())
    load(path).predict(X)


def test_check_state_of_an_estimator_that_was_changed():
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, NUMBERS)
    model.check_state()
    model.coefs_[1] = model.coefs_[1][:2]
    with pytest.raises(ValueError, match=r"coefs_\[1\] does not fit coefs_\[0\]"):
        model.check_state()
    with pytest.raises(ValueError, match="'alpha' parameter"):
        MLPRegressor(alpha=-1).check_state()


def test_checkpoints_made_to_do_harm(path):
    """A forged checkpoint that is loaded can be resumed, or refuses the samples; it does nothing else."""
    content = BASES["checkpoint"]()
    names = [name for name, _ in Forgery(content).tree["state"]["_checkpoint"]["dict"]]
    assert set(names) == set(fitted_state.TRAINING)
    places = [("_checkpoint", name) for name in names] + [(name, None) for name in fitted_state.PROGRESS]
    n_refused = 0
    for attribute, name in places:
        for value in ("none", *(value for value in VALUES if value != {"tensor": "coefs_.0"})):
            forged = Forgery(content)
            state = forged.tree["state"]
            pairs = state[attribute]["dict"] if name else [["", None]]
            (at,) = (i for i, pair in enumerate(pairs) if pair[0] == (name or ""))
            if value == "none":
                pairs.pop(at) if name else state.pop(attribute)
            elif name:
                pairs[at][1] = value
            else:
                state[attribute] = value
            forged.drop(".".join(filter(None, (attribute, name))))
            path.write_bytes(forged.content())
            try:
                model = load(path)
            except FileError:
                n_refused += 1
                continue
            assert value != "none", (attribute, name)
            with contextlib.suppress(ValueError):
                model.set_params(n_jobs=1).resume(mutations.X, mutations.LABELS == "otter")
    assert n_refused > 0.5 * len(places) * len(VALUES)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("order", lambda array: array + 1),
        ("order", lambda array: array[:-1]),
        ("order", lambda array: array.astype(np.int32)),
        ("held_out", lambda array: array[::-1] * 2),
        ("best.params", lambda array: array[1:]),
        ("best.params", lambda array: array.astype(np.int64)),
        ("best.running.0", lambda array: array[:, :1]),
    ],
)
def test_checkpoints_with_other_arrays(path, name, edit):
    forged = Forgery(BASES["checkpoint"]())
    forged.tensors[f"_checkpoint.{name}"] = edit(forged.tensors[f"_checkpoint.{name}"])
    assert_refused(path, forged, r"of a checkpoint|order of the rows")
