"""What a month says about one line: its figures with bounds, beside the rules that people know, and what they promise.

Nothing here decides: verdicts are the assessment's (`assess`). A view shows one line's month whole, with what was not
measured beside what was, each contract of the month apart, and a forecast only where months enough are closed.
"""
