"""What plugins are made of: a header, small plugins in C, Rust and text, and how they are built."""
