"""Runs the pipeline of a file from a program of your own, and looks at the report."""

import wlf

pipeline = wlf.Pipeline.from_yaml("examples/quickstart/quickstart.yaml")
report = pipeline.run_sync(until_end=True, state_dir="out/state")
for node, counts in report.counts.items():
    print(node, counts)
raise SystemExit(report.exit_code)
