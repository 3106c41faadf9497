"""Parts of the File dispatcher: what is written, where, and how it gets onto the disk."""
