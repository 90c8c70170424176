"""The oracle of self-organizing maps: slow, obvious NumPy."""

import numpy as np


def places(shape, topology):
    """The places of units in the plane, a row of the map after another."""
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    if topology == "rectangular":
        return np.stack([columns, rows], axis=1).astype(float)
    return np.stack([columns + 0.5 * (rows % 2), rows * np.sqrt(3) / 2], axis=1)


def map_distances(shape, topology, *, toroidal=False):
    """The distance in the map of each unit from each; on a torus that of the nearest image."""
    at = places(shape, topology)
    height = shape[0] * (1 if topology == "rectangular" else np.sqrt(3) / 2)
    images = [(i * shape[1], j * height) for i in (-1, 0, 1) for j in (-1, 0, 1)] if toroidal else [(0, 0)]
    distances = [np.linalg.norm(at[:, np.newaxis] - at - np.array(image), axis=2) for image in images]
    return np.min(distances, axis=0)


def neighborhood(name, distances, radius):
    gaussian = np.exp(-(distances**2) / (2 * radius**2))
    inside = distances <= radius * (1 + 1e-12)
    return {
        "gaussian": gaussian,
        "cut_gaussian": gaussian * inside,
        "bubble": inside.astype(float),
        "epanechnikov": np.maximum(0, 1 - (distances / radius) ** 2),
    }[name]


def squares(X, units):
    return ((X[:, np.newaxis].astype(float) - units) ** 2).sum(axis=2)


def batch_epoch(X, weights, units, shares):
    """Each unit goes to the mean of samples, which count as much as their best units are near to it."""
    best = squares(X, units).argmin(axis=1)
    units = units.copy()
    for unit in range(len(units)):
        counts = weights * shares[unit, best]
        if counts.sum() > 1e-200:
            units[unit] = counts @ X / counts.sum()
    return units


def online_epoch(X, order, units, shares_at):
    """After each sample all units go a share of the way to it; shares_at(step) has the shares of all pairs."""
    units = units.copy()
    for step, sample in enumerate(order):
        shares = shares_at(step)[squares(X[sample : sample + 1], units).argmin()]
        units += shares[:, np.newaxis] * (X[sample] - units)
    return units


def errors(X, units, distances):
    """The quantization error and the topographic error."""
    found = squares(X, units)
    first, second = found.argsort(axis=1, kind="stable")[:, :2].T
    return np.sqrt(found.min(axis=1)).mean(), (distances[first, second] > 1.01).mean()


def linear_units(X, weights, shape):
    """Units spread over the plane of the first two principal directions, by the singular values of the samples."""
    weights = weights / weights.sum()
    mean = weights @ X
    _, sizes, vectors = np.linalg.svd(np.sqrt(weights)[:, np.newaxis] * (X - mean), full_matrices=False)
    directions = [
        size * vector * np.sign(vector[np.abs(vector).argmax()]) for size, vector in zip(sizes, vectors, strict=True)
    ]
    directions = [*directions, 0 * mean, 0 * mean][:2]
    if shape[1] > shape[0]:
        directions.reverse()
    rows, columns = (2 * np.arange(n) / max(1, n - 1) - (n > 1) for n in shape)
    return np.array([mean + row * directions[0] + column * directions[1] for row in rows for column in columns])
