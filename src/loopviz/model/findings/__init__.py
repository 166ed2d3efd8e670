"""What is wrong: rules that observe the model, and the findings they make."""
