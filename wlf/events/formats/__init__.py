"""The output formats beside wlf's own: the messages of Maxwell, Debezium and Canal."""
