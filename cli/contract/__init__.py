"""The contract's documents, generated from the types and tables: schemas, AsyncAPI, pages. A developer's tool."""
