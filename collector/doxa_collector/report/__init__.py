"""`doxa report …`: the papers of `doxa_collector.papers`, filled from the ledger.

`month` finds the verdicts (of a closed month only what judging again confirms), `progress_data` and `incident_data` turn
them into the papers' records, `progress_paper` adds what they stand on, `writing` puts the bytes on the disk.
"""
