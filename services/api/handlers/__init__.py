"""What happens when the API is asked for something."""
