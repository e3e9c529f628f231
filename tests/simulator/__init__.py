"""A device that does not exist, with everything known about it: service times, heat, drift, power, a clock that only
its work moves. Its sessions run through the agent's own loops; what they should say is known from the physics.
"""
