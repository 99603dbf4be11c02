"""What SoccerNet's files say: classes, games, labels, replays, predictions and submissions."""
