"""A Jetson's rails by the best way there is: the INA3221's own files, else tegrastats.

Both read the same chip. The files are read at our own jittered times and cost microseconds; tegrastats ticks at a
fixed interval, and runs as a process of its own.
"""

from agents.power import Absent, Foreign, Meter, ina3221, tegrastats


def find(root: str) -> Meter:
    """Raises Absent with the reasons of both ways."""
    try:
        return ina3221.find(root)
    except Absent as no_files:
        try:
            return tegrastats.find(root)
        except Foreign:
            raise no_files from None
        except Absent as no_tool:
            raise Absent(f"{no_files}; {no_tool}") from no_tool
