"""Robots as tables of figures, one file each."""
