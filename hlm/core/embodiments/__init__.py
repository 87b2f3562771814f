"""Robots as tables, one file each, and their catalog."""
