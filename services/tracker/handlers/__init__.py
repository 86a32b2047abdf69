"""Use cases: what a request of the outside world means."""
