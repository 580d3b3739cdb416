"""The only place that wires rooms together: a study file goes in, a run folder with its manifest comes out.

Stages run in the order companies, embedding, labelling, clustering, convergence, specifications, wording, investors,
hand codes, and then what is printed of them: tables, figures, exports, report. A stage whose inputs have not changed
is not run again; a run that was interrupted continues where it was.
"""

from chainbert.study.compare import CompareSettings, Comparison, check_comparison_folder, compare_sets, write_comparison
from chainbert.study.config import StudyConfig, load_study, resolved_lines, study_path
from chainbert.study.embedded import check_vectors_path, write_vectors
from chainbert.study.manifest import verify
from chainbert.study.printing import print_run
from chainbert.study.runner import Run, run
from chainbert.study.single import cluster_companies, embed_companies
from chainbert.study.terms import Terms, compare_terms, find_places

__all__ = [
    "CompareSettings",
    "Comparison",
    "Run",
    "StudyConfig",
    "Terms",
    "check_comparison_folder",
    "check_vectors_path",
    "cluster_companies",
    "compare_sets",
    "compare_terms",
    "embed_companies",
    "find_places",
    "load_study",
    "print_run",
    "resolved_lines",
    "run",
    "study_path",
    "verify",
    "write_comparison",
    "write_vectors",
]
