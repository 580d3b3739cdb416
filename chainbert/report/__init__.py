"""A run folder goes in; one self-contained page, ``report.html``, comes out, with Table 1, figures and exports.

The page opens offline, in English and Chinese: charts, script and data are inside it, and its content policy forbids
any request. Figures are altair specifications, so a paper's figure and the page's are one and the same.
"""

from chainbert.report.exports import export_run
from chainbert.report.figurefiles import write_figures
from chainbert.report.page import write_report
from chainbert.report.tableone import TableOne, table_one, write_table_one

__all__ = ["TableOne", "export_run", "table_one", "write_figures", "write_report", "write_table_one"]
