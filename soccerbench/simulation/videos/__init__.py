"""A small simulated SoccerNet of real video files, whose events show only in their motion."""
