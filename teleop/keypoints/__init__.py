"""Keypoints of a person's body, and their retargeting to the robot."""
