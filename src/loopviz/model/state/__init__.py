"""What the model knows: entities and tables that the records change."""
