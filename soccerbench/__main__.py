"""`python -m soccerbench` is the command `soccerbench`."""

from soccerbench.cli import main

if __name__ == "__main__":
    main()
