"""Checks of a machine before a robot is armed, one noun a file; none of them knows the command line."""
