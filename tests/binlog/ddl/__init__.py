"""The reader of definitions, and the tables that they lead to."""
