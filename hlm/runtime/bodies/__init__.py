"""Bodies: what takes references and moves, one file each."""
