"""Assessment: plans held against the evidence of the ledger, with verdicts that carry their numbers and reasons."""

from doxa_collector.assess.reasons import reason_text
from doxa_collector.assess.run import run
from doxa_collector.assess.settings import METHOD, Settings
from doxa_collector.assess.wording import demand, explain

__all__ = ["METHOD", "Settings", "demand", "explain", "reason_text", "run"]
