"""Callbacks: objects that watch a fit from epoch to epoch, and steer it."""

from fastmlp.callbacks.base import Callback
from fastmlp.callbacks.checkpoint import ModelCheckpoint
from fastmlp.callbacks.fit import Fit
from fastmlp.callbacks.learning_rate import LearningRateFinder, ReduceOnPlateau
from fastmlp.callbacks.progress_bar import ProgressBar
from fastmlp.callbacks.reports import CSVLogger
from fastmlp.callbacks.scikit_learn import ScikitLearnCallbacks
from fastmlp.callbacks.statistics import LayerStatistics
from fastmlp.callbacks.stopping import EarlyStopping, TerminateOnNaN
from fastmlp.callbacks.trackers import MLflow, TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "Fit",
    "LayerStatistics",
    "LearningRateFinder",
    "MLflow",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceOnPlateau",
    "ScikitLearnCallbacks",
    "TensorBoard",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return sorted(__all__)
