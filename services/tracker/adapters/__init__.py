"""Kafka, the spool on disk, and HTTP's limits."""
