"""Gates, constraints, the Pareto front, the winner and its verification."""
