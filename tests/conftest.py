"""Settings of the whole test run: no network, and one cache for unpacked weights that goes with the run."""

import os
import shutil
import tempfile

import hypothesis

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported anywhere
# Small products on many threads wait for each other longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CACHE = tempfile.mkdtemp(prefix="chainbert-tests-")
# The user's own cache is never read: a damaged or older one must not decide whether tests pass.
os.environ["CHAINBERT_CACHE"] = CACHE

# A busy machine is no fault of the code: a law is checked however long it takes; speed has its benchmarks.
hypothesis.settings.register_profile("laws", deadline=None)
hypothesis.settings.load_profile("laws")


def pytest_unconfigure():
    shutil.rmtree(CACHE, ignore_errors=True)
