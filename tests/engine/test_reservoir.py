"""States of reservoirs: the oracle's, whatever goes through side by side, in any number of threads."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from tests.zoo import oracle_reservoirs

LENGTHS = np.array([30, 1, 7, 0, 29, 12, 1, 4, 30, 8])
N_OUTPUTS = 2


def weights(n_units, density=0.2):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n_units, n_units)) * (rng.random((n_units, n_units)) < density)
    return scipy.sparse.csr_array(0.5 * values)


def csr(W):
    return W.indptr.astype(np.int64), W.indices.astype(np.int32), W.data


def arrays(n_units, lengths=LENGTHS):
    """Everything that sequences may need, drawn at random."""
    rng = np.random.default_rng(1)
    n_steps = lengths.sum()
    return {
        "drive": rng.standard_normal((n_steps, n_units)),
        "states": rng.uniform(-1, 1, (len(lengths), n_units)),
        "outputs": rng.standard_normal((n_steps, N_OUTPUTS)),
        "last": rng.standard_normal((len(lengths), N_OUTPUTS)),
        "feedback": 0.3 * rng.standard_normal((N_OUTPUTS, n_units)),
        "readout": rng.standard_normal((n_units, N_OUTPUTS)) / n_units,
        "passed_on": 0.3 * rng.standard_normal((N_OUTPUTS, N_OUTPUTS)),
    }


# Which of the arrays a run has: states alone, targets fed back, outputs made of states, fed back and passed on.
KINDS = {
    "driven": (),
    "taught": ("outputs", "feedback"),
    "read": ("outputs", "readout"),
    "generating": ("outputs", "feedback", "readout", "passed_on"),
}


def run(W, leak, given, kind, lengths=LENGTHS, **options):
    """Return states, outputs, last states and last outputs of all sequences by the engine."""
    drive, states, outputs, last = (given[name].copy() for name in ("drive", "states", "outputs", "last"))
    names = KINDS[kind]
    what = {name: given[name] for name in names if name != "outputs"}
    if "outputs" in names:
        what |= {"outputs": outputs, "last_outputs": last}
    engine.echo_states(*csr(W), leak, drive, lengths, states, **what, **options)
    return drive, outputs, states, last


@pytest.mark.parametrize("isa", engine.SUPPORTED_ISAS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_units", "leak"), [(1, 1.0), (17, 0.3), (40, 1.0)])
def test_states_are_those_of_the_oracle(kind, n_units, leak, isa):
    W, given = weights(n_units), arrays(n_units)
    found = run(W, leak, given, kind, isa=isa)
    ends = np.cumsum(LENGTHS)
    names = KINDS[kind]
    for s, (begin, end) in enumerate(zip(ends - LENGTHS, ends, strict=True)):
        what = {name: given[name] for name in names if name != "outputs"}
        if "outputs" in names:
            what |= {"outputs": given["outputs"][begin:end], "last": given["last"][s]}
        states, outputs = oracle_reservoirs.echo_states(
            W.toarray(), given["drive"][begin:end], given["states"][s], leak, **what
        )
        if begin == end:
            np.testing.assert_array_equal(found[2][s], given["states"][s])
            continue
        np.testing.assert_allclose(found[0][begin:end], states, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found[2][s], found[0][end - 1])
        if "outputs" in names:
            np.testing.assert_allclose(found[1][begin:end], outputs, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(found[3][s], found[1][end - 1])


@pytest.mark.parametrize("kind", KINDS)
def test_bits_depend_neither_on_threads_nor_on_company(kind):
    W, given = weights(33), arrays(33)
    whole = run(W, 0.6, given, kind)
    for n_threads in (2, 3, 5, 10):
        for a, b in zip(whole, run(W, 0.6, given, kind, n_threads=n_threads), strict=True):
            np.testing.assert_array_equal(a, b)
    ends = np.cumsum(LENGTHS)
    for s, (begin, end) in enumerate(zip(ends - LENGTHS, ends, strict=True)):
        rows = {"drive": slice(begin, end), "outputs": slice(begin, end), "states": slice(s, s + 1)}
        rows["last"] = rows["states"]
        alone = {name: value[rows.get(name, slice(None))] for name, value in given.items()}
        found = run(W, 0.6, alone, kind, LENGTHS[s : s + 1])
        for a, b, name in zip(found, whole, ("drive", "outputs", "states", "last"), strict=True):
            np.testing.assert_array_equal(a, b[rows[name]], err_msg=name)


def test_a_sequence_may_come_in_parts():
    W, given = weights(33), arrays(33, np.array([20]))
    whole = run(W, 0.6, given, "generating", np.array([20]))
    states, last, rows = given["states"], given["last"], []
    for part in (slice(0, 7), slice(7, 8), slice(8, 20)):
        some = given | {
            "drive": given["drive"][part],
            "outputs": given["outputs"][part],
            "states": states,
            "last": last,
        }
        drive, _, states, last = run(W, 0.6, some, "generating", np.array([part.stop - part.start]))
        rows.append(drive)
    np.testing.assert_array_equal(np.concatenate(rows), whole[0])
    np.testing.assert_array_equal(last, whole[3])


def wrong(**changes):
    given = {**arrays(5), **changes}
    W = csr(weights(5))
    return lambda: engine.echo_states(
        *given.get("W", W),
        1.0,
        given["drive"],
        given.get("lengths", LENGTHS),
        given["states"],
        outputs=given["outputs"],
        last_outputs=given["last"],
        **{name: given[name] for name in ("feedback", "readout", "passed_on")},
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": np.zeros((10, 4))}, "states must be of shape"),
        ({"outputs": np.zeros((3, 2))}, "outputs must be of shape"),
        ({"last": np.zeros((9, 2))}, "last_outputs must be of shape"),
        ({"feedback": np.zeros((3, 5))}, "feedback must be of shape"),
        ({"readout": np.zeros((2, 5))}, "readout must be of shape"),
        ({"passed_on": np.zeros((5, 5))}, "passed_on must be of shape"),
        ({"lengths": np.array([121])}, "lengths of the sequences"),
        ({"lengths": LENGTHS + 1}, "lengths of the sequences"),
        ({"lengths": np.r_[LENGTHS[:-2], 39, -1]}, "lengths of the sequences"),
        ({"W": (np.zeros(6, np.int64), np.zeros(1, np.int32), np.zeros(2))}, "must be of one length"),
        ({"W": (np.array([0, 0, 0, 0, 0, 1]), np.array([5], np.int32), np.zeros(1))}, "must be from 0 to 4"),
        ({"W": (np.array([0, 0, 0, 0, 0, 1]), np.array([1], np.int64), np.zeros(1))}, "int32"),
        ({"W": (np.array([0, 2, 2, 2, 2, 2]), np.array([3, 1], np.int32), np.zeros(2))}, "ascend"),
    ],
)
def test_what_would_lead_beyond_arrays_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        wrong(**changes)()


def test_outputs_are_needed_for_what_is_made_of_them():
    with pytest.raises(ValueError, match="there must be outputs"):
        engine.echo_states(
            *csr(weights(5)), 1.0, np.zeros((2, 5)), np.array([2]), np.zeros((1, 5)), readout=np.ones((5, 1))
        )


def test_nothing_to_do():
    engine.echo_states(*csr(weights(5)), 1.0, np.zeros((0, 5)), np.zeros(0, np.int64), np.zeros((0, 5)))
