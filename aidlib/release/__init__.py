"""The border: nothing is published that tells about a few; an independent attacker tries before anyone else does."""

from aidlib.release.audit import Findings, audit
from aidlib.release.gate import protect
from aidlib.release.register import Record, Register
from aidlib.release.rule import Rule

__all__ = ["Findings", "Record", "Register", "Rule", "audit", "protect"]
