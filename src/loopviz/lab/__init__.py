"""The parts of a lesson: scenarios, their source, the load and the target process."""
