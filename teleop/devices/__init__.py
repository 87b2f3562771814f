"""Devices that people command the robot with."""
