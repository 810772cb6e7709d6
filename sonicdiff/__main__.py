"""`python -m sonicdiff` is the command `sonicdiff`."""

from sonicdiff.cli import main

main()
