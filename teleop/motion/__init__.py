"""Recorded motion of people, played as an operator."""
