"""The displays draw what was learned and how, in the manner of scikit-learn's; they need matplotlib."""

from fastmlp.inspection.codes import CodesDisplay
from fastmlp.inspection.explanation import ExplanationDisplay
from fastmlp.inspection.importances import ImportancesDisplay
from fastmlp.inspection.intervals import IntervalDisplay
from fastmlp.inspection.layer_statistics import LayerStatisticsDisplay
from fastmlp.inspection.loss_landscape import LossLandscapeDisplay
from fastmlp.inspection.maps import ComponentPlanesDisplay, UMatrixDisplay
from fastmlp.inspection.recall import RecallDisplay
from fastmlp.inspection.reconstructions import ReconstructionsDisplay
from fastmlp.inspection.reliability import ReliabilityDisplay
from fastmlp.inspection.samples import SamplesDisplay
from fastmlp.inspection.training_curve import TrainingCurveDisplay
from fastmlp.inspection.weights import WeightsDisplay

__all__ = [
    "CodesDisplay",
    "ComponentPlanesDisplay",
    "ExplanationDisplay",
    "ImportancesDisplay",
    "IntervalDisplay",
    "LayerStatisticsDisplay",
    "LossLandscapeDisplay",
    "RecallDisplay",
    "ReconstructionsDisplay",
    "ReliabilityDisplay",
    "SamplesDisplay",
    "TrainingCurveDisplay",
    "UMatrixDisplay",
    "WeightsDisplay",
]


def __dir__() -> list[str]:
    return sorted(__all__)
