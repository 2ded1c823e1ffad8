"""`python -m bridge` is the command `drawbridge`."""

from bridge.cli import main

main()
