"""Changing a dataset that is there: every edit happens completely or not at all."""
