"""A finished run's tables for other programs.

In: a run folder and the hash of its outputs. Out: ``exports/`` with csv for Excel and for R, parquet, Stata files,
LaTeX tables and a workbook, each carrying the hash, and a data dictionary of every column of every file.
"""

from chainbert.report.exports.config import FORMATS, ExportsConfig, Format
from chainbert.report.exports.datadictionary import undescribed
from chainbert.report.exports.writing import export_run

__all__ = ["FORMATS", "ExportsConfig", "Format", "export_run", "undescribed"]
