"""Tasks: scenes, instructions and staged scoring."""
