"""The phases of the challenge, and the halves of its first one."""

PHASES = ("phase1", "phase2")
HALVES = ("public", "private")  # of phase 1
