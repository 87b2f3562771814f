"""Bodies whose robot tracks references itself: references in, a safe stream of frames out."""
