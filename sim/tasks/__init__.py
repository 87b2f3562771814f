"""Tasks, one folder each: scene, stages, scripted operator and a table of names and dimensions."""
