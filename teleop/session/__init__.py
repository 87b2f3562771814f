"""A recording session that a person runs: its states, its buttons, and when recording may begin."""
