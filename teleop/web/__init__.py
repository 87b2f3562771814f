"""The project's web server: pages for operators and headsets, and their messages."""
