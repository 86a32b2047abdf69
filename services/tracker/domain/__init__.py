"""The tracker's rules. Pure: no IO, no clock, no randomness."""
