"""What scripted operators share: stance, walking, hand strokes, and strokes for pick and place."""
