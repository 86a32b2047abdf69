"""Rendering of users' templates in child processes, as the sender does it and a preview shows it."""
