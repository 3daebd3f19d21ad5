"""Figures that people bring: published i-Speed figures from a table file, and indicators entered by hand.

Both say who brought them, when and from which paper. Nothing is measured here, and what was brought is never lost: a
figure that another one replaced stays in the ledger.
"""
