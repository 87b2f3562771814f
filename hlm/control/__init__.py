"""Whole-body control: rigid-body model, inverse kinematics, walking patterns and the whole-body tracker."""
