"""Worlds in real time in processes of their own, robots behind a cable to them, and mirrors of them."""
