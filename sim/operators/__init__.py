"""What scripted operators share: commanded body, stance, hand strokes, and strokes for pick and place."""
