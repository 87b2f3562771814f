"""The whole-body tracker: follows the reference stream on a free-standing humanoid."""
