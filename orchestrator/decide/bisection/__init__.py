"""Which of many versions in a row changed a figure: a search through noise, with its certainty."""
