"""The statistics of verdicts: pure functions from samples, or from their mergeable daily rollups, to figures with bounds.

Everything goes one way: samples → `Rollup` → figure, so a figure from samples and the same figure from stored rollups
are equal to the last byte. Sums are whole numbers (millionths of the unit), floating point is used only where IEEE 754
fixes every bit (`+ − × ÷ √`) or where the result is rounded far above its last bits: a closed month gives the same
figures on every machine and Python version.
"""
