"""What a lesson is made of: scenarios, their source, their load, the process that serves."""
