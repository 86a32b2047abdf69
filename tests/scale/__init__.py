"""Time and size: timers by the hundred thousand, takeover, open emails by the million. `make scale`; small in tests."""
