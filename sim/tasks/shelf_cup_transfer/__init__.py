"""Shelf cup transfer: squat, pick the named cup from the low shelf, put it on the high one."""
