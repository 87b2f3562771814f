"""The whole-body tracker: plays the reference stream on a body that stands on its own feet."""
