"""A small simulated SoccerNet of real video files, whose events can be told by their motion and by nothing else."""

from soccerbench.simulation.videos.write import write_videos

__all__ = ["write_videos"]
