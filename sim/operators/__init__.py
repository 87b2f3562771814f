"""Scripted operators: they know where objects are and move hands, feet and pelvis targets in closed loop."""
