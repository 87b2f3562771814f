"""Conversion of datasets from and to other formats."""
