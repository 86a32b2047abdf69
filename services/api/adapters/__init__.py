"""How the API reaches Kafka, Postgres and the blob store."""
