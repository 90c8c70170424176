"""Figures of variational autoencoders: likelihoods of binary MNIST, and the time of an epoch."""

import time
from statistics import median

import numpy as np

from fastmlp.callbacks import Callback
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network
from fastmlp.optimizers import Adam
from fastmlp.zoo import VariationalAutoencoder
from figures import figure, mnist

SIZES, CODES, BATCH = (200, 200), 50, 100


def binary_mnist() -> tuple[np.ndarray, np.ndarray]:
    """Return images of training and test whose pixels are ones with the probabilities that they are, drawn once."""
    X_train, _, X_test, _ = mnist()
    rng = np.random.default_rng(0)
    return tuple((rng.random(X.shape, np.float32) < X).astype(np.float32) for X in (X_train, X_test))


class Burda:
    """The learning rates of Burda et al., 2016: 0.001 * 10^(-i / 7) for 3^i of 3280 parts, i from 0 to 7."""

    def __init__(self, n_steps: int) -> None:
        self.ends = np.cumsum(3.0 ** np.arange(8)) / 3280 * n_steps

    def __call__(self, step: int) -> float:
        return 0.001 * 10 ** (-float(min(7, np.searchsorted(self.ends, step, side="right"))) / 7)


class Curve(Callback):
    """Print the likelihoods of some test images now and then, and end the fit when its time is over."""

    def __init__(self, X: np.ndarray, seconds: float, every: int = 100) -> None:
        self.X, self.seconds, self.every = X, seconds, every

    def on_fit_begin(self, fit):
        self.end = time.perf_counter() + self.seconds

    def on_epoch_end(self, fit):
        if fit.epoch % self.every == 0:
            start = time.perf_counter()
            score = fit.fitted().score_samples(self.X, n_samples=500).mean()
            print(
                f"  epoch {fit.epoch}: loss {fit.value('loss'):.2f}, -log p {-score:.2f} of {len(self.X)} test images"
            )
            self.end += time.perf_counter() - start  # which is no training
        if time.perf_counter() > self.end:
            fit.stop("Its time is over.")


@figure("variational mnist", "-log p <= 92 nats in 20 minutes", seconds=1500)
def likelihood():
    """Train for 20 minutes, and estimate the likelihood of 1000 test images with 5000 draws each."""
    X_train, X_test = binary_mnist()
    n_epochs = epochs_within(X_train, 1150)
    solver = Adam(Burda(n_epochs * len(X_train) // BATCH), epsilon=1e-4)
    model = VariationalAutoencoder(
        SIZES, CODES, decoder="bernoulli", solver=solver, batch_size=BATCH, max_iter=n_epochs, random_state=0,
        callbacks=[Curve(X_test[::100], 1200)],
    ).fit(X_train)  # fmt: skip
    found = -model.score_samples(X_test[::10], n_samples=5000)  # the first thousand are easier than others
    error = found.std() / np.sqrt(len(found))
    return f"{found.mean():.2f} ± {error:.2f} nats after {model.n_iter_} epochs", found.mean() <= 92


@figure("variational mnist, 20 epochs", "a curve that is on its way: -log p <= 103 nats", seconds=40)
def beginning():
    """Train for 20 epochs at a constant rate, and estimate the likelihood of 200 test images with 1000 draws each."""
    X_train, X_test = binary_mnist()
    model = VariationalAutoencoder(SIZES, CODES, decoder="bernoulli", max_iter=20, random_state=0).fit(X_train)
    found = -model.score_samples(X_test[::50], n_samples=1000)
    seconds = median(model.history_["seconds"])
    return f"{found.mean():.2f} nats; {seconds:.2f} s an epoch", found.mean() <= 103


def epochs_within(X: np.ndarray, seconds: float) -> int:
    """Return how many epochs there are time for, by a tenth of one."""
    model = VariationalAutoencoder(SIZES, CODES, decoder="bernoulli", max_iter=3, random_state=0).fit(X[:6000])
    return int(seconds / (10 * median(model.history_["seconds"])))


@figure("variational epoch", "at least 0.7 of the rate of the same layers as two perceptrons", seconds=30)
def epoch():
    """Time epochs of an autoencoder, and of two networks of its layers that learn targets, A B A B, on 12000 rows."""
    X = binary_mnist()[0][:12_000]
    ours, theirs = [], []
    for _ in range(3):
        model = VariationalAutoencoder(SIZES, CODES, decoder="bernoulli", max_iter=3, random_state=0).fit(X)
        ours.append(min(model.history_["seconds"]))
        theirs.append(_two_perceptrons(X))
    ratio = median(theirs) / median(ours)
    # Multiply-adds of all products: no gradient of the pixels, which nobody asks for.
    encoder, decoder = 784 * 200 + 200 * 200 + 200 * 2 * CODES, CODES * 200 + 200 * 200 + 200 * 784
    rate = len(X) * (6 * (encoder + decoder) - 2 * 784 * 200) / median(ours)
    return f"{ratio:.2f}; {rate / 1e9:.0f} GF/s, {5 * median(ours):.2f} s for 60000 rows", ratio >= 0.7


def _two_perceptrons(X: np.ndarray) -> float:
    """Return the seconds of an epoch of both networks, each of which learns targets by adam."""
    rng, seconds = np.random.default_rng(0), 0.0
    codes = rng.standard_normal((len(X), CODES), np.float32)
    for sizes, loss, inputs, targets in (
        ([784, *SIZES, 2 * CODES], "squared_error", X, np.tile(codes, 2)),
        ([CODES, *SIZES, 784], "binary_log_loss", codes, X),
    ):
        network = Network.create(sizes, "tanh", loss, random_state=0, dtype=np.float32)
        trainer = network.trainer(rule="adam", max_batch=BATCH, n_threads=_n_threads())
        trainer.attach(rows_of(inputs, np.float32), np.ascontiguousarray(targets))
        each = []
        for i in range(3):
            start = time.perf_counter()
            order = rng.permutation(len(X))[np.newaxis]
            trainer.begin(order, BATCH, 0.0, np.array([[0.001, 0.9, 0.999, 1e-8, 1.0]]), i * len(X) // BATCH)
            while not trainer.run():
                pass
            each.append(time.perf_counter() - start)
        seconds += min(each)
    return seconds


def _n_threads() -> int:
    """Return the threads that an autoencoder of these sizes takes by itself."""
    from fastmlp.threads import team_size

    return team_size(None, 1e9)
