"""Videos decoded: frames, clips and what a container says of itself."""
