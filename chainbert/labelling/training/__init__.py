"""From texts with their codes to a labeller's folder.

In: a training file (``TrainingConfig``) with texts coded sentence by sentence, or with a company's hand codes.
Out: a folder with weights, calibration, history and manifest, which ``Labeller.load`` reads.
"""

from chainbert.labelling.training.config import TrainingConfig
from chainbert.labelling.training.measure import metric_lines
from chainbert.labelling.training.run import train
from chainbert.labelling.training.texts import TrainingTexts, read_training_texts
from chainbert.labelling.training.variety import Variety, variety_of

__all__ = [
    "TrainingConfig",
    "TrainingTexts",
    "Variety",
    "metric_lines",
    "read_training_texts",
    "train",
    "variety_of",
]
