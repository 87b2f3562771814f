"""MuJoCo: robot model, scenes, cameras, tasks with staged scoring, and their scripted operators."""
