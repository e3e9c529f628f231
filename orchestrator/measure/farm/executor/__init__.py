"""Who does the jobs of a farm: threads of one process, or workers that Procrastinate wakes."""
