"""An SMTP inbox for local use, the demo and the tests: keeps what arrives, and has addresses that behave."""
