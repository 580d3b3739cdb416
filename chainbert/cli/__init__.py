"""The command line: each command declares its arguments, calls one function, prints.

Data goes to stdout or ``--out``; messages and progress go to stderr. Exit codes: 0 ok, 1 a bug, 2 usage or
configuration, 3 input data, 4 partly done, 130 interrupted.
"""

from chainbert.cli.app import main

__all__ = ["main"]
