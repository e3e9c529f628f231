"""What on a device harms a measurement, by how much, which command fixes it, and how it is undone."""
