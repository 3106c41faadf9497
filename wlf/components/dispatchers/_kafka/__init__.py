"""Parts of the Kafka dispatcher, one idea each."""
