"""``python -m aidlib`` is the command ``aidlib``."""

from aidlib.cli import main

main(prog_name="aidlib")
