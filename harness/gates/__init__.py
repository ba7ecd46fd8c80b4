"""Regression gates: what a method's figures were over several seeds, and whether they still are. Imports no torch."""
