"""Maxwell's config.properties as a pipeline of wlf: read, converted key by key, run as it is or printed as YAML."""
