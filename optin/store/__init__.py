"""The store: transactions, the operations with their SQL, the schema, and one adapter for each database."""
