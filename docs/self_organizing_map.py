"""Self-organizing maps: errors of topologies, starts and radii, and what their units tell of digits beside k-means.

python docs/self_organizing_map.py [--quick]
"""

import warnings

import numpy as np
from page import digits, is_quick, spread, table
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from fastmlp.exceptions import MapSizeWarning
from fastmlp.zoo import SelfOrganizingMap


def errors(maps):
    """Return quantization and topographic errors of fitted maps as text."""
    found = [som.quantization_error_ for som in maps], [som.topographic_error_ for som in maps]
    return [spread(found[0], 3), spread(found[1], 3)]


def ways(seeds):
    """Print the errors of maps of iris, by topology, training and start."""
    X = StandardScaler().fit_transform(load_iris().data)
    rows = []
    for topology in ("hexagonal", "rectangular"):
        for training in ("batch", "online"):
            for start in ("linear", "random"):
                maps = [
                    SelfOrganizingMap(
                        (11, 6), topology=topology, training=training, initialization=start, random_state=seed
                    ).fit(X)
                    for seed in range(seeds)
                ]
                rows.append([topology, training, start, *errors(maps)])
    table(
        "Iris, standardized, on 11 x 6 units",
        ["topology", "training", "initialization", "quantization error", "topographic error"],
        rows,
    )


def radii():
    """Print the errors of maps of iris, by the radius at the end."""
    X = StandardScaler().fit_transform(load_iris().data)
    rows = [
        [radius, *(f"{error:.3f}" for error in (som.quantization_error_, som.topographic_error_))]
        for radius in (2.0, 1.0, 0.5, 0.25)
        for som in [SelfOrganizingMap((11, 6), final_radius=radius).fit(X)]
    ]
    table("The same with other radii at the end", ["final_radius", "quantization error", "topographic error"], rows)


def beside_k_means(seeds):
    """Print how well as many units and centres stand for digits, and how often the label of a unit is a digit's."""
    X, X_test, y, y_test = digits()
    rows = []
    for side in (5, 10, 15):
        found = {"map": [], "k-means": []}
        for seed in range(seeds):
            som = SelfOrganizingMap((side, side), training="online", random_state=seed).fit(X)
            centres = KMeans(side * side, n_init=1, random_state=seed).fit(X)
            labels = som.label_map(X, y).ravel()
            found["map"].append([-som.score(X_test), 100 * np.mean(labels[som.predict(X_test)] == y_test)])
            counts = np.zeros((side * side, 10))
            np.add.at(counts, (centres.labels_, y), 1)
            labels = counts.argmax(axis=1)
            distances = centres.transform(X_test).min(axis=1)
            found["k-means"].append([distances.mean(), 100 * np.mean(labels[centres.predict(X_test)] == y_test)])
        for name, figures in found.items():
            distance, accuracy = np.transpose(figures)
            rows.append([side * side, name, spread(distance, 3), spread(accuracy)])
    table(
        "Held-out digits: distance to the best unit or centre, and whether its most frequent label is theirs",
        ["units", "found by", "quantization error", "right labels in percent"],
        rows,
    )


def main():
    """Run everything."""
    warnings.simplefilter("ignore", MapSizeWarning)
    seeds = 1 if is_quick(__doc__) else 5
    ways(seeds)
    radii()
    beside_k_means(seeds)


if __name__ == "__main__":
    main()
