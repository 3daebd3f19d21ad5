"""`doxa demo`: the country in small, end to end, and the comparison of what was measured with the truth."""
