"""The programs that are served. They run in environments of their own."""
