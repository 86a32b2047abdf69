"""The embedded stack: real Kafka, real PostgreSQL, an SMTP inbox and the services, as processes of one supervisor."""
