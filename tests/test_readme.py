"""Every command in the README is run."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]
# This test is part of it.
ITSELF = "scripts/test"


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 6
    assert ITSELF in COMMANDS
    assert ITSELF in (ROOT / ".ci" / "run").read_text()


@pytest.mark.model
def test_readme_commands_run(tmp_path):
    """In a copy of the checkout that shares its environment, one after the other in one shell, as a reader would."""
    for name in ("chainbert", "configs", "models", "scripts", "pyproject.toml", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = "\n".join(["set -eux", *(command for command in COMMANDS if command != ITSELF)])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert (tmp_path / "runs" / "demo" / "report.html").is_file()


def test_pictures_exist():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
