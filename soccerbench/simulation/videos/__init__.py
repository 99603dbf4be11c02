"""A small simulated SoccerNet of real video files, whose events show only in their motion."""

from soccerbench.simulation.videos.write import write_videos

__all__ = ["write_videos"]
