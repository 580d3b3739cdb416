"""The only place that wires rooms together: a study file goes in, a run folder with its manifest comes out.

Stages run in the order companies, embedding, labelling, clustering, convergence, report; a stage whose
inputs have not changed is not run again, and a run that was interrupted continues where it was.
"""

from chainbert.study.compare import CompareSettings, Comparison, check_comparison_folder, compare_sets, write_comparison
from chainbert.study.config import StudyConfig, load_study, resolved_lines, study_path
from chainbert.study.embedded import check_vectors_path, write_vectors
from chainbert.study.manifest import verify
from chainbert.study.runner import Run, run
from chainbert.study.single import cluster_companies, embed_companies

__all__ = [
    "CompareSettings",
    "Comparison",
    "Run",
    "StudyConfig",
    "check_comparison_folder",
    "check_vectors_path",
    "cluster_companies",
    "compare_sets",
    "embed_companies",
    "load_study",
    "resolved_lines",
    "run",
    "study_path",
    "verify",
    "write_comparison",
    "write_vectors",
]
