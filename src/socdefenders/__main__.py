"""Runs the command line as `python -m socdefenders`."""

from socdefenders.cli import main

if __name__ == "__main__":
    main()
