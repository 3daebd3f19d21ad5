"""What runs at the NOC: intake, ledger, sinks, plans, assessment and the page."""
