"""What deploy/ holds: the manifests, the chart and the image."""
