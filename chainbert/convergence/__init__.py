"""In: unit vectors (or yes/no labels), one a firm and year, with city, year, firm and strata as arrays.

Out: each city's gap to the reference by period, its trend, who moved, and a verdict in a word and a sentence.
Nothing here reads files or knows other rooms.
"""

from chainbert.convergence.config import ConvergenceConfig
from chainbert.convergence.convergence import Convergence, measure_convergence
from chainbert.convergence.gap import gap
from chainbert.convergence.periods import Periods, bin_years, latest_rows
from chainbert.convergence.rows import MOST_CITIES
from chainbert.convergence.shares import ShareTrends, measure_share_trends

__all__ = [
    "MOST_CITIES",
    "Convergence",
    "ConvergenceConfig",
    "Periods",
    "ShareTrends",
    "bin_years",
    "gap",
    "latest_rows",
    "measure_convergence",
    "measure_share_trends",
]
