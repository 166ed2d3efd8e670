"""Before and after: what is compared, in figures, and how certain each is."""
