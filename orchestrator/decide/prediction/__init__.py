"""What a device that was never measured would do: a prediction from those that were, with its uncertainty."""
