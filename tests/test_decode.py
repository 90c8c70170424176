"""Files made to do harm, with the right checksum: trees that are none, and what no object may be given."""

import json
import os

import numpy as np
import pytest

from fastmlp import MLPRegressor
from fastmlp.callbacks import CSVLogger
from fastmlp.persistence import load, save
from tests.files import Forgery, assert_refused, drop, put, set_attribute, values
from tests.mutations import mutants, try_mutant

OPTIMIZER = ("_optimizer", "state")
KEY = ("_random_state", "random_state", "dict")

HARM = {
    "a class of another module": (put("solver", {"object": "os.system", "state": {}}), "class 'os.system'"),
    "a class that is private": (put("solver", {"object": "_BaseMLP", "state": {}}), "none that a file may"),
    "a class that is no text": (put("solver", {"object": ["os"], "state": {}}), "none that a file may"),
    "another kind of tree": (put("solver", {"reduce": ["os.system", "true"]}), "where a value is to be"),
    "a component without parameters": (
        put("solver", {"object": "optimizers.Adam", "state": {}}),
        "lacks the parameter",
    ),
    "no parameter": (drop("alpha"), "lacks the parameter 'alpha'"),
    "a method hidden": (put("predict", 1), "attribute 'predict'"),
    "the checks hidden": (put("_parameter_constraints", {"dict": []}), "attribute '_parameter_constraints'"),
    "the check of the state hidden": (put("check_state", 1), "attribute 'check_state'"),
    "a dunder": (put("__class__", 1), "attribute '__class__'"),
    "a name that is none": (put("a b", 1), "attribute 'a b'"),
    "callbacks of scikit-learn": (put("_skl_callbacks", []), "attribute '_skl_callbacks'"),
    "the rule of an optimizer": (put(*OPTIMIZER, "optimizer", "state", "rule", "nadam"), "attribute 'rule'"),
    "no coefs_ but a tensor": (drop("coefs_"), "does not need"),
    "a tensor that is not there": (put("coefs_", 0, {"tensor": "none"}), "tensor 'none' that is not there"),
    "a tensor twice": (put("coefs_", 0, {"tensor": "coefs_.1"}), "not there, or not any more"),
    "a tensor as text": (put("coefs_", 0, {"text": "coefs_.0"}), "has a text that is none"),
    "characters that are none": (values("classes_", np.full((3, 5), 2**31, np.uint32)), "text that is none"),
    "a random state beside its numbers": (put(*KEY, 1, 1, "dict", 1, 1, 10**6), "RandomState that is none"),
    "a random state of zeros": (
        values("_random_state.state.key", np.zeros(624, np.uint32)),
        "RandomState that is none",
    ),
    "a random state that is short": (values("_random_state.state.key", np.ones(9, np.uint32)), "RandomState that is"),
    "an integer of many digits": (put("n_iter_", 10**400), "bits"),
    "an array of a claimed shape": (put("x", {"objects": [], "shape": [10**12]}), "shape that is none"),
    "an array of objects": (put("x", {"objects": [{"slice": [1, 2, 3]}], "shape": [1]}), "array that is none"),
    "a type that is none": (put("x", {"type": "os.system"}), "type that is none"),
    "a dtype that is none": (put("x", {"dtype": "<U99999999999"}), "dtype that is none"),
    "a scalar too large": (put("x", {"scalar": "int8", "value": 300}), "int8|out of bounds|scalar"),
    "a scalar of another type": (put("x", {"scalar": "float32", "value": "1"}), "scalar that is none"),
    "a time of a unit that is none": (put("x", {"scalar": "datetime64[parsecs]", "value": 1}), "scalar that is none"),
    "a time beyond 64 bits": (put("x", {"scalar": "datetime64[s]", "value": 2**63}), "scalar that is none"),
    "a time that is no whole number": (put("x", {"scalar": "datetime64[s]", "value": 0.5}), "scalar that is none"),
    "times of numbers that are not whole": (
        put("coefs_", 0, {"times": "coefs_.0", "dtype": "datetime64[s]"}),
        "time that is none",
    ),
    "times of another type": (put("coefs_", 0, {"times": "coefs_.0", "dtype": "float64"}), "time that is none"),
    "a key that changes": (put("x", {"dict": [[[1], 2]]}), "key that is none"),
    "a key twice": (put("x", {"dict": [[1, 2], [1, 3]]}), "key twice"),
    "deep lists": (put("x", json.loads("[" * 500 + "]" * 500)), "nested too deeply"),
    "a parameter to be given": (
        put("loss", {"unsaved": "f", "parameter": "loss"}),
        r"saved with loss=f.*load\(path, loss",
    ),
    "a part of a parameter": (put("loss", {"given": ["loss", "__globals__"]}), "give it"),
    "another model": (
        lambda forged: forged.tree.update(object="optimizers.SGD", state={"learning_rate": 0.1}),
        "lacks|does not need",
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_files_made_to_do_harm(path, content, name):
    edit, message = HARM[name]
    forged = Forgery(content)
    edit(forged)
    assert_refused(path, forged, message)


def test_what_an_object_leaves_out_of_files_no_file_sets(path):
    """An open file is such a thing: only a fit sets it."""
    save(MLPRegressor(callbacks=[CSVLogger("log.csv")]), path)
    forged = Forgery(path.read_bytes())
    forged.tree["state"]["callbacks"][0]["state"]["_file"] = 7
    path.write_bytes(forged.content())
    (logger,) = load(path).callbacks
    assert "_file" not in vars(logger)


@pytest.mark.parametrize(
    "keys",
    [
        [i * (2**61 - 1) for i in range(1, 70)],
        [{"tuple": [1, i * (2**61 - 1)]} for i in range(70)],
        [{"scalar": "uint64", "value": 7 + i * (2**61 - 1)} for i in range(8)] * 9,
    ],
    ids=["int", "tuple", "twice"],
)
def test_keys_made_to_take_long(path, content, keys):
    """Numbers whose hashes are the same make a dict slow: many of them are refused before there is one."""
    forged = Forgery(content)
    forged.tree["state"]["x"] = {"dict": [[key, None] for key in keys]}
    assert_refused(path, forged, "a dict made to take long")
    with pytest.raises(TypeError, match=r"model\._mine is \{.*which no file holds"):
        save(set_attribute(MLPRegressor(), "_mine", {i * (2**61 - 1): None for i in range(1, 70)}), path)


def test_mutants(tmp_path):
    """No mutant crashes, hangs or makes anything large; `python -m tests.mutations 100000` tries more of them."""
    for number, mutant in mutants(int(os.environ.get("FASTMLP_MUTATIONS", "1000")), seed=0):
        try_mutant(mutant, tmp_path / "mutant", number)
