"""soccerbench: reproduce and benchmark the Baidu soccer embeddings paper on SoccerNet-v2."""

__version__ = "0.1.0"
