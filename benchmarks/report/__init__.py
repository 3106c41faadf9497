"""Results made readable: a JSON file, Markdown tables, targets beside what was reached, and a chart."""
