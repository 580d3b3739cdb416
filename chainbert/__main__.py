"""``python -m chainbert`` and the ``chainbert`` command."""

from chainbert.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
