"""What tests of policies need besides the policies: losses as one number, and token numbers as words."""

import torch


def weighted_mean(term):
    """A loss term's weighted mean, as training computes it over all samples; 0 when all weights are 0."""
    return (term.values * term.weights).sum() / term.weights.sum().clamp(min=torch.finfo(torch.float32).tiny)


def said(vocabulary, numbers):
    """The instruction, in lower case and without punctuation, that a vocabulary encodes as these numbers."""
    return " ".join(vocabulary.words[number - 1] for number in numbers if number > 0)
