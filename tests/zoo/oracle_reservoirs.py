"""Reservoirs in slow NumPy: one sequence, one step and one unit after another."""

import numpy as np


def echo_states(W, drive, state, leak, *, feedback=None, outputs=None, last=None, readout=None, passed_on=None):
    """Return the states and the outputs of one sequence's steps; outputs are given unless there is a readout."""
    states, made, y = [], [], last
    for t, driven in enumerate(drive):
        fed = 0 if feedback is None else y @ feedback
        state = (1 - leak) * state + leak * np.tanh(driven + W @ state + fed)
        if outputs is not None:
            before, y = y, outputs[t].copy()
            if readout is not None:
                y += state @ readout
            if passed_on is not None:
                y += before @ passed_on
            made.append(y)
        states.append(state)
    return np.array(states), np.array(made)


def echo_states_of(model, X, y=None):
    """Return the states of an EchoStateRegressor for one sequence: with targets y fed back, or with its outputs."""
    n_features = X.shape[1] * model.direct
    of_inputs, of_states = np.split(model.coef_.T, [n_features])
    outputs = y if y is not None else model.intercept_ + (X @ of_inputs if model.direct else 0) * np.ones((len(X), 1))
    return echo_states(
        model.recurrent_weights_.toarray(),
        X @ model.input_weights_ + model.biases_,
        np.zeros(len(model.biases_)),
        model.leak,
        feedback=model.feedback_weights_,
        outputs=outputs,
        last=np.zeros(model.n_outputs_),
        readout=None if y is not None else of_states,
    )


def liquid_traces(W, n_excitatory, settings, drive, potential):
    """Return the traces and the number of spikes of one sequence through spiking units, W[i, j] being from i to j."""
    n_units = len(potential)
    potential, resting, trace = potential.copy(), np.zeros(n_units, dtype=int), np.zeros(n_units)
    excitation, inhibition, inputs, spiked = (np.zeros(n_units) for _ in range(4))
    traces, n_spikes = [], 0
    for driven in drive:
        arrived = [np.zeros(n_units), np.zeros(n_units)]
        for i in np.flatnonzero(spiked):
            arrived[int(i >= n_excitatory)] += W[i]
        excitation = settings["kept_excitation"] * excitation + arrived[0]
        inhibition = settings["kept_inhibition"] * inhibition + arrived[1]
        inputs = settings["kept_input"] * inputs + driven
        trace *= settings["kept_trace"]
        spiked = np.zeros(n_units)
        for i in range(n_units):
            if resting[i]:
                resting[i] -= 1
                continue
            current = settings["background"] + (excitation[i] + inhibition[i]) + inputs[i]
            kept = settings["kept_potential"]
            potential[i] = kept * potential[i] + (1 - kept) * current
            if potential[i] >= settings["threshold"]:
                potential[i], spiked[i] = settings["reset"], 1
                resting[i] = settings["rest_excitatory" if i < n_excitatory else "rest_inhibitory"]
                trace[i] += 1
                n_spikes += 1
        traces.append(trace.copy())
    return np.array(traces), n_spikes
