"""The kinds of stand-in boards: what each one's hardware shows, in the documented formats, with values of our own."""
