"""The store: transactions, operations with their SQL, the schema, and an adapter for each database."""
