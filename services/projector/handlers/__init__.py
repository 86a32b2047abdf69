"""From records to facts, and from facts to changes of the read models."""
