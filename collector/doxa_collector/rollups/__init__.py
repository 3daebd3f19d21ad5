"""The rollups of the ledger: what every line's measurements of a month come to, as whole numbers that merge exactly.

One way leads to a figure: measurements → `model.LineRuns` → `statistics`. `raw.Raw` reads `LineRuns` from the evidence
itself, `kept.Kept` from the packs that `filling.fill` keeps up with it: both give the same, to the last byte.
"""
