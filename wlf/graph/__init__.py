"""From YAML to a validated, frozen plan."""
