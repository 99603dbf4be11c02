"""What a user may write with the public interface: `tox -e type` checks its types; it is not run."""

# ruff: noqa: T201
from __future__ import annotations

import soccerbench as sb

chunk_s: object = sb.load_table("table2").row(8).row
data = sb.Dataset("mini")
for game in data:
    print(data.labels(game).shape, data.features(game, 1, ["vtn"]).shape)
done = sb.reproduce("table2", rows=[8], seeds=[0], data="mini", settings={"max_epochs": 1})
print(done.table().to_string(), sb.load_results("runs").columns)
score = sb.evaluate(task="spotting", labels="labels.zip", predictions="mine.zip").bootstrap(100)
total: float = score.average_map + score.per_class["score"].mean()
better: bool = (sb.compare("a.zip", "b.zip", labels="l.zip", task="spotting").difference or 0) > 0
run = sb.load_run("runs/mini/table2/row-08/seed-0")
events = sb.spot([run, "other"], "match", min_confidence=0.5)
print(run.predict(data.features(game, 1), fps=1), events["time_s"].max())
