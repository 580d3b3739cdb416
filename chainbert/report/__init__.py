"""A run folder goes in; one self-contained page, ``report.html``, comes out.

The page opens offline: charts, script and data are inside it, and its content policy forbids any request.
Figures are altair specifications, so a paper's figure and the page's are one and the same.
"""

from chainbert.report.page import write_report

__all__ = ["write_report"]
