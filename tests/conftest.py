"""Settings of the whole test run; no test reaches a network or the user's own cache."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported anywhere
