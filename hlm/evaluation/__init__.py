"""Scoring: rollouts over seeds, their results, reports and films."""
