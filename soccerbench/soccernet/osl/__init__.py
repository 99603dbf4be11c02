"""OSL-JSON: read as SoccerNet's files, and converted from and to them."""
