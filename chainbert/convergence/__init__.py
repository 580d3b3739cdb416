"""In: unit vectors (or yes/no labels), one a firm and year, with city, year, firm and strata as arrays.

Out: each city's gap to the reference by period, its trend, who moved, what the change is made of, what a finding
survives, and a verdict in a word and a sentence. Nothing here reads files or knows other rooms.
"""

from chainbert.convergence.config import ConvergenceConfig
from chainbert.convergence.controls import Controls
from chainbert.convergence.convergence import Convergence, measure_convergence
from chainbert.convergence.economics import EconomicConvergence, measure_economics, measure_label_economics
from chainbert.convergence.gap import gap
from chainbert.convergence.periods import Periods, bin_years, latest_rows
from chainbert.convergence.rows import MOST_CITIES, check_rows
from chainbert.convergence.shares import ShareTrends, measure_share_trends
from chainbert.convergence.sidebyside import SideBySide, side_by_side
from chainbert.convergence.specifications import SpecificationCurve, specification_curve
from chainbert.convergence.topics import TopicTrends, measure_topic_trends
from chainbert.convergence.turnover import firm_counts, turnover

__all__ = [
    "MOST_CITIES",
    "Controls",
    "Convergence",
    "ConvergenceConfig",
    "EconomicConvergence",
    "Periods",
    "ShareTrends",
    "SideBySide",
    "SpecificationCurve",
    "TopicTrends",
    "bin_years",
    "check_rows",
    "firm_counts",
    "gap",
    "latest_rows",
    "measure_convergence",
    "measure_economics",
    "measure_label_economics",
    "measure_share_trends",
    "measure_topic_trends",
    "side_by_side",
    "specification_curve",
    "turnover",
]
