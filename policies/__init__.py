"""Vision-language-action policies: the compact flow-matching policy, its training and its checkpoints."""
