"""`accelerate launch -m sonicdiff.training CONFIG.toml` is `sonicdiff train CONFIG.toml` in many processes."""

import sys

from sonicdiff.cli import main

sys.argv.insert(1, "train")
main()
