"""Reference sources for people and files, and retargeting."""
