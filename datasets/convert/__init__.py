"""Datasets of other formats into hlm's, and hlm's into theirs."""
