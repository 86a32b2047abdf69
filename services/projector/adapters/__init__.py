"""The read models in PostgreSQL, and the dead-letter topic."""
