"""Results that travel: exports, model cards, the Hugging Face hub and a leaderboard of many people's results."""
